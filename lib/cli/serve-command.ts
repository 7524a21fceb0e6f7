/**
 * `indelible serve`: one replica in this process; what `cluster` starts for each, and what a machine of its
 * own runs.
 */
import { Command, Option } from 'commander';
import { BACKENDS, SYNCS } from '../cluster/cluster-file.js';
import { OWNER_ONLY, readFileIfThere } from '../cluster/durable-file.js';
import { LOG_LEVELS, parseServeFile, type ServeSettings, serveConfig } from '../cluster/serve-config.js';
import { argumentError } from '../errors.js';
import { helpWith } from './help.js';
import { withServiceOptions } from './service-options.js';

interface ServeFlags extends Omit<ServeSettings, 'directory'> {
  readonly dir?: string;
  readonly config?: string;
}

const HELP = `
The store must be there: \`indelible format --help\` shows how it is made. One replica per store and process:

  indelible serve --dir /var/lib/indelible --backend file --listen 10.0.0.1:7101 --tls \\
    --redis 10.0.0.1:7001 --password-file password --peers 1=10.0.0.1:7101,2=10.0.0.2:7101,3=10.0.0.3:7101

or the same in a file, which flags override:

  indelible serve --config replica.json
  { "directory": "/var/lib/indelible", "backend": "file", "listen": "10.0.0.1:7101",
    "tls": true, "redis": "10.0.0.1:7001", "passwordFile": "password",
    "peers": { "1": "10.0.0.1:7101", "2": "10.0.0.2:7101", "3": "10.0.0.3:7101" } }

Logs go to standard output, one JSON object a line. SIGTERM or SIGINT closes the store in order, and so does
SIGHUP at a terminal; under nohup or connected to no terminal, SIGHUP has certificates and users read again.
Peers and native clients prove that they have the cluster's key. A peer port on a network needs --tls, or
--insecure-peers where the network is encrypted already; a Redis port there needs a password, users with
passwords (--acl-file), certificates of its clients (--redis-tls-ca), or --insecure-redis; an HTTP port
there a token or --insecure-http.

HTTP answers /metrics for Prometheus, /livez, /readyz?verbose, and at / a live page. The token is given as a
bearer token or as the password of Basic authentication; /livez and /readyz answer without.`;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run one replica')
    .option('--config <file>', 'read settings from a JSON file')
    .option('--dir <directory>', 'where `format` put the store')
    .addOption(new Option('--backend <backend>', 'the kind of log (emulated)').choices(BACKENDS))
    .addOption(new Option('--sync <sync>', 'what a fence is, if emulated (none)').choices(SYNCS))
    .option('--store <uuid>', 'refuse to run any other store')
    .option('--key-file <file>', 'the key that all replicas of the cluster have (DIR/cluster-key)')
    .option('--tls', "seal the peer port with TLS, by the cluster's key; on all replicas alike")
    .option('--tls-cert <file>', 'or by certificates: that of this replica, URI:indelible:replica:N')
    .option('--tls-key <file>', '… its private key')
    .option('--tls-ca <file>', '… and the authority of those of all replicas')
    .option('--insecure-peers', 'let the peer port be on a network without encryption')
    .option('--listen <address>', 'where peers reach this replica: host:port, or unix:/path')
    .option('--redis <address>', 'where Redis clients are served; none if absent')
    .option('--http <address>', 'where metrics and health are told: host:port; nowhere if absent')
    .option('--http-token-file <file>', 'its first line is the token that the HTTP port asks for')
    .option('--insecure-http', 'let the HTTP port be on a network without a token')
    .option('--peers <addresses>', 'all members: 1=host:port,2=host:port,…')
    .addOption(new Option('--log-level <level>', 'what to log (info)').choices(LOG_LEVELS))
    .action(serve);
  return helpWith(withServiceOptions(command), HELP);
}

async function serve({ config: file, dir, ...flags }: ServeFlags): Promise<void> {
  const text = file === undefined ? '{}' : readFileIfThere(file);
  if (text === undefined) throw argumentError(`there is no configuration ${file}`);
  const settings = dir === undefined ? flags : { ...flags, directory: dir };
  process.umask(OWNER_ONLY);
  // Loaded when it is called: all modules of a program are open at once while they are loaded.
  const { serveReplica } = await import('../cluster/replica-process.js');
  await serveReplica(serveConfig(parseServeFile(text), settings));
}

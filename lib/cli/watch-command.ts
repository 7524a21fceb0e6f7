/** `indelible watch`: the live page of a cluster, served from here to a browser on this machine. */
import { Command } from 'commander';
import { parseHostPort } from '../cluster/addresses.js';
import { firstLineOf } from '../cluster/service-config.js';
import { formatAddress } from '../transport/address.js';
import { helpWith } from './help.js';
import { clusterOf, type MemberFlags, withMembers } from './members.js';
import type { Output } from './output.js';

interface WatchFlags extends MemberFlags {
  readonly http: string;
  readonly httpTokenFile?: string;
  readonly insecureHttp?: boolean;
}

const HELP = `
A page that shows a cluster as it moves: roles, lag, throughput, latency, logs, what is wrong and what to do.
It asks every replica over its peer port once a second while a browser looks. Ctrl-C ends it.

  indelible watch                                      the cluster that \`cluster\` runs in data/
  indelible watch --config replica.json                the members that a replica's configuration names
  indelible watch --peers 1=10.0.0.1:7101,2=10.0.0.2:7101,3=10.0.0.3:7101 --key-file client.key

A replica's own HTTP port serves the same page.`;

export function watchCommand(output: Output): Command {
  const command = new Command('watch').description('serve a live page of a cluster to a browser');
  withMembers(command)
    .option('--http <address>', 'where the page is served: host:port', '127.0.0.1:7300')
    .option('--http-token-file <file>', 'its first line is the password that the page asks for')
    .option('--insecure-http', 'let the page be on a network without a password')
    .action((flags: WatchFlags) => watch(flags, output));
  return helpWith(command, HELP);
}

async function watch(flags: WatchFlags, output: Output): Promise<void> {
  const address = parseHostPort(flags.http, '--http');
  const { httpTokenFile, insecureHttp = false } = flags;
  const token = httpTokenFile === undefined ? {} : { token: firstLineOf(httpTokenFile, 'token') };
  const cluster = clusterOf(flags);
  const { openWatch } = await import('../http/replica-http.js');
  const port = await openWatch(cluster, { ...address, ...token, insecure: insecureHttp });
  output.line(`the cluster, as it moves: http://${formatAddress(address)}/`);
  await interrupted();
  await port.close();
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/**
 * `indelible format`: writes a replica's identity, once. The one command that makes a store; on one machine
 * `cluster` calls the same code by itself.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { BACKENDS, type Backend, SYNCS, type Sync } from '../cluster/cluster-file.js';
import { ioError, makeDirectory, OWNER_ONLY, readFileIfThere, replaceFile } from '../cluster/durable-file.js';
import {
  type ClusterPlan,
  drawPlan,
  firstConfiguration,
  identityIn,
  parsePlan,
  planText,
} from '../cluster/plan.js';
import { checkSync } from '../cluster/serve-config.js';
import { formatReplica, storageChoice } from '../cluster/stores.js';
import { argumentError } from '../errors.js';
import { LOG_BYTES_DEFAULT } from '../limits.js';
import { readClusterKey, writeKeyFile } from '../replica/key-file.js';
import { claimIn } from '../replica/log-kinds.js';
import { clientKeyOf, newClusterKey } from '../transport/proof.js';
import { type NewcomerPlan, newcomerPlan } from './format-newcomer.js';
import { helpWith } from './help.js';
import { integerOption, sizeOption } from './option-parsers.js';
import type { Output } from './output.js';
import { formatSize } from './size.js';

interface FormatOptions {
  readonly newPlan?: number;
  readonly plan: string;
  readonly keyFile?: string;
  readonly newKey?: string;
  readonly clientKey?: string;
  readonly replica?: number;
  readonly join?: boolean;
  readonly peers?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly dir?: string;
  readonly backend: Backend;
  readonly sync: Sync;
  readonly regionSize: number;
  readonly json?: boolean;
}

const HELP = `
A cluster begins with a plan: its id, and each replica's number with the one store that may speak for it.
Draw it once, copy it to every machine together with the key that is drawn beside it, and format each replica
from it. The key is a secret: who has it can be a replica. Programs get the clients' key, which follows from it.

  indelible format --new-plan 3 --plan plan.json                              writes plan.json and plan.key
  indelible format --plan plan.json --replica 1 --dir /var/lib/indelible      on the first machine
  indelible format --plan plan.json --replica 2 --dir /var/lib/indelible      on the second …
  indelible format --client-key client.key --key-file plan.key                for programs and \`status\`
  indelible format --new-key plan.key                                         for a cluster that has none
  indelible serve --help                                                      shows how they are started
  indelible format --join --replica 4 --dir DIRECTORY --key-file plan.key --peers 1=10.0.0.1:7101,2=…

A store that is there is never written over. One that was lost must not be formatted again under its old
number: it may have voted, and the cluster would forget what it answered.`;

export function formatCommand(output: Output): Command {
  const command = new Command('format')
    .description("draw a cluster's plan, or write the store of one of its replicas")
    .option('--new-plan <replicas>', 'draw the plan of a new cluster of that many', integerOption(1, 15))
    .option('--plan <file>', 'the plan', 'plan.json')
    .option('--key-file <file>', "the cluster's key (PLAN with .key instead of .json)")
    .option('--new-key <file>', 'draw a key alone')
    .option('--client-key <file>', "write the clients' key that follows from --key-file")
    .option('--replica <number>', 'the replica to format', integerOption(1, 65_535))
    .option('--dir <directory>', 'where its store goes; must not hold one')
    .option('--join', 'for a cluster that runs: under an id that was never used, to be added')
    .option('--peers <addresses>', 'with --join: members that answer, 1=host:port,2=host:port,…')
    .option('--tls', 'with --join: they take TLS, sealed by the key')
    .option('--tls-ca <file>', 'with --join: or by certificates: their authority')
    .addOption(new Option('--backend <backend>', 'the kind of log').choices(BACKENDS).default('emulated'))
    .addOption(new Option('--sync <sync>', 'what a fence is, if emulated').choices(SYNCS).default('none'))
    .addOption(
      new Option('--region-size <size>', 'bytes of the log')
        .argParser(sizeOption('--region-size'))
        .default(LOG_BYTES_DEFAULT, '128MiB'),
    )
    .option('--json', 'print the result as JSON')
    .action((options: FormatOptions) => format(options, output));
  return helpWith(command, HELP);
}

async function format(options: FormatOptions, output: Output): Promise<void> {
  process.umask(OWNER_ONLY);
  if (options.newPlan !== undefined) {
    if (options.replica !== undefined)
      throw argumentError('--new-plan and --replica are two steps; take one');
    return writePlan(options.newPlan, options.plan, output, options.json === true);
  }
  if (options.newKey !== undefined) return writeKey('cluster', options.newKey, newClusterKey(), output);
  if (options.clientKey !== undefined) {
    return writeKey('client', options.clientKey, clientKeyOf(clusterKeyFor(options)), output);
  }
  const { replica, dir, backend, sync, regionSize } = options;
  if (replica === undefined) throw argumentError('format needs --replica, or --new-plan to begin with');
  if (dir === undefined) throw argumentError('format needs --dir, where the store goes');
  checkSync(backend, sync);
  const key = clusterKeyFor(options);
  const { identity, configuration } = await planOf(replica, options);
  makeReplicaDirectory(dir);
  await formatReplica({
    directory: dir,
    backend,
    sync,
    regionBytes: regionSize,
    identity,
    configuration,
    key,
  });
  const claim = claimIn(dir, storageChoice(backend, sync));
  const survives = {
    durability: claim.durability,
    ...(claim.reason === '' ? {} : { because: claim.reason }),
  };
  const result = {
    directory: path.resolve(dir),
    backend,
    sync,
    regionBytes: regionSize,
    ...survives,
    ...identity,
  };
  if (options.json === true) return output.line(JSON.stringify(result));
  const place = options.join === true ? 'to join' : `of ${configuration.members.length}`;
  output.line(`replica   ${identity.replicaId} ${place}, cluster ${identity.clusterId}`);
  output.line(`store     ${identity.storeUuid} in ${result.directory}`);
  output.line(`log       ${backend}, ${formatSize(regionSize)}`);
  output.line(`survives  ${claim.durability}${claim.reason === '' ? '' : ` (${claim.reason})`}`);
}

/** From the plan of a new cluster, or from what a running one says of itself. */
async function planOf(replica: number, options: FormatOptions): Promise<NewcomerPlan> {
  const { join, peers, keyFile, tls, tlsCa, plan: file } = options;
  if (join === true) {
    if (peers === undefined || keyFile === undefined) {
      throw argumentError('format --join needs --peers, some of the members, and --key-file');
    }
    const seal = { ...(tls === undefined ? {} : { tls }), ...(tlsCa === undefined ? {} : { tlsCa }) };
    return newcomerPlan(replica, { dir: '.', peers, keyFile, ...seal });
  }
  const text = readFileIfThere(file);
  if (text === undefined) throw argumentError(`there is no plan ${file}; make one with --new-plan`);
  const plan = parsePlan(text);
  if (plan.restores !== undefined) {
    throw argumentError(`the cluster of ${file} begins with a back-up: use \`indelible restore\``);
  }
  return { identity: identityIn(plan, replica), configuration: firstConfiguration(plan) };
}

function writePlan(replicas: number, file: string, output: Output, json: boolean): void {
  const plan = drawPlan(replicas);
  const keyFile = writePlanFiles(plan, file);
  if (json) return output.line(planText(plan).trimEnd());
  output.line(`plan      ${file}: cluster ${plan.clusterId}, ${replicas} replicas`);
  output.line(`key       ${keyFile}: a secret; every replica has it`);
  output.line(`next      indelible format --plan ${file} --replica 1 --dir DIRECTORY, and so on for each`);
}

/** A plan, and the key that is drawn beside it. @returns where the key is */
export function writePlanFiles(plan: ClusterPlan, file: string): string {
  if (fs.existsSync(file)) throw argumentError(`${file} already exists; a plan is made only once`);
  const keyFile = keyPathOf(file);
  writeKeyFile(keyFile, 'cluster', newClusterKey());
  replaceFile(file, planText(plan));
  return keyFile;
}

/** Beside the plan, under its name. */
export function keyPathOf(plan: string): string {
  return `${plan.replace(/\.json$/, '')}.key`;
}

function clusterKeyFor({ plan, keyFile = keyPathOf(plan) }: FormatOptions): Uint8Array {
  const key = readClusterKey(keyFile);
  if (key !== undefined) return key;
  throw argumentError(`there is no key file ${keyFile}; --new-plan writes it beside the plan`);
}

function writeKey(kind: 'cluster' | 'client', file: string, key: Uint8Array, output: Output): void {
  writeKeyFile(file, kind, key);
  output.line(`key       ${file}: ${kind === 'client' ? 'for programs' : 'a secret; every replica has it'}`);
}

/**
 * The last part of the path may be missing, its parent must be there: a mount that is absent is not made up.
 */
function makeReplicaDirectory(directory: string): void {
  try {
    makeDirectory(directory);
  } catch (error) {
    throw ioError(`cannot create ${directory}`, directory, error);
  }
}

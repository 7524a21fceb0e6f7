/**
 * The process that loads a cluster, through lib/client's batch form, and reads everything back. It takes
 * orders over IPC, one at a time, and keeps the books of what was answered from the first order to the last.
 *
 *   client-program.ts '<a ClientArgument as JSON>'
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { built } from '../built.js';
import { latenciesOf, latencyHistogram } from '../latencies.js';
import { ClosedLoop } from './closed-loop.js';
import { GetEntry, SetEntry } from './keys.js';
import type { ClientArgument, ClientOrder, LoadOrder, LoadResult, ReadBackResult } from './messages.js';
import { ReadBack } from './read-back.js';

const { Client } = (await built('client/client.js')) as typeof import('../../lib/client/client.js');
const { COMMANDS } = (await built('kv/commands/table.js')) as typeof import('../../lib/kv/commands/table.js');

const { clusterId, addresses, clientKey, tls, spaces } = JSON.parse(process.argv[2]!) as ClientArgument;
const client = await Client.connect({
  clusterId,
  addresses: new Map(addresses),
  key: Buffer.from(clientKey, 'hex'),
  ...(tls ? { tls } : {}),
});
/** Of each key space: the number of its next command, and of those whose outcome was not `done`. */
const books = spaces.map((space) => ({ space, next: 0, unsure: new Set<number>() }));

function opcodeOf(name: string): number {
  const spec = COMMANDS.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new Error(`the service has no ${name}`);
  return spec.opcode;
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const book = books[order.space]!;
  const entry = new SetEntry(opcodeOf('set'), book.space);
  const loop = new ClosedLoop(client, entry, order.inFlight, book.next);
  loop.start();
  await sleep(order.warmUpMs);
  const histogram = latencyHistogram();
  loop.histogram = histogram;
  const doneBefore = loop.outcomes[0];
  const began = performance.now();
  // A machine that is busy with other things may answer nothing for long: at least one answer is waited for.
  do await sleep(order.loadMs);
  while (histogram.count === 0);
  const seconds = (performance.now() - began) / 1000;
  const commands = loop.outcomes[0] - doneBefore;
  loop.histogram = undefined;
  await loop.finish();
  book.next = loop.next;
  for (const n of loop.unsure) book.unsure.add(n);
  return {
    seconds,
    commands,
    latencies: latenciesOf(histogram),
    outcomes: loop.outcomes,
    refusals: loop.refusals,
  };
}

async function readBack(): Promise<ReadBackResult> {
  const total = { answered: 0, equal: 0, wrong: 0 };
  for (const { space, next, unsure } of books) {
    // Of the commands on one key the last one holds: they were executed in the order submitted.
    const first = Math.max(0, next - space.keys);
    const entry = new GetEntry(opcodeOf('get'), space);
    const { equal, wrong } = await new ReadBack(client, entry, first, next, unsure).run();
    total.answered += next - first - [...unsure].filter((n) => n >= first).length;
    total.equal += equal;
    total.wrong += wrong;
  }
  return total;
}

process.on('message', (order: ClientOrder) => {
  const answer: Promise<LoadResult | ReadBackResult> = order.kind === 'load' ? load(order) : readBack();
  answer.then((result) => process.send!(result));
});
process.on('disconnect', () => process.exit());
process.send!('ready');

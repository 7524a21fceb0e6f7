/**
 * The load beside a fail-over, through lib/client's batch form, in a process of its own: steady, or as much
 * as the cluster takes.
 *
 *   load-program.ts '<a LoadArgument as JSON>'
 */
import type { Requester } from '../../lib/replica/service.js';
import { built } from '../built.js';
import { SetEntry } from '../cluster/keys.js';
import type { LoadArgument, LoadDone, LoadOrder } from './messages.js';

const { Client } = (await built('client/client.js')) as typeof import('../../lib/client/client.js');
const { COMMANDS } = (await built('kv/commands/table.js')) as typeof import('../../lib/kv/commands/table.js');

/** A steady load that is not answered waits: no more of it is asked for than this. */
const OUTSTANDING_MAX = 5000;
const BURST_MS_MAX = 20;

const { addresses, clientKey } = JSON.parse(process.argv[2]!) as LoadArgument;
const client = await Client.connect({
  addresses: new Map(addresses),
  key: Buffer.from(clientKey, 'hex'),
});
const opcode = COMMANDS.find(({ name }) => name === 'set')!.opcode;
const entry = new SetEntry(opcode, { prefix: 'load---:', keys: 100_000 });

class Load implements Requester {
  done = 0;
  /** Kept in flight; 0 for a load that is steady or over. */
  inFlight = 0;
  #next = 0;
  #answered = 0;
  #idle: (() => void) | undefined;

  get outstanding(): number {
    return this.#next - this.#answered;
  }

  outcome(_first: number, count: number, outcome: 0 | 1 | 2 | 3): void {
    this.#answered += count;
    if (outcome === 0) this.done += count;
    this.submit(this.inFlight - this.outstanding);
    if (this.outstanding === 0) this.#idle?.();
  }

  drain(): void {
    this.submit(this.inFlight - this.outstanding);
  }

  submit(count: number): void {
    for (let n = 0; n < count; n++) {
      entry.number(this.#next);
      if (!client.submit(this, this.#next, 1, entry.bytes, 0, entry.bytes.length)) break;
      this.#next++;
    }
    if (count > 0) client.flush();
  }

  /** Resolves when everything is answered. */
  settled(): Promise<void> {
    if (this.outstanding === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }
}

const load = new Load();
let timer: NodeJS.Timeout | undefined;
let beganMs = 0;
let doneBefore = 0;

function steady(perMillisecond: number): void {
  let sentMs = performance.now();
  timer = setInterval(() => {
    const nowMs = performance.now();
    const dueMs = Math.min(BURST_MS_MAX, Math.floor(nowMs - sentMs));
    if (dueMs < 1) return;
    sentMs = nowMs;
    load.submit(Math.min(dueMs * perMillisecond, OUTSTANDING_MAX - load.outstanding));
  }, 1);
}

async function take(order: LoadOrder): Promise<LoadDone | 'begun'> {
  if (order.kind !== 'end') {
    beganMs = performance.now();
    doneBefore = load.done;
    if (order.kind === 'steady') steady(order.perMillisecond);
    else load.inFlight = order.inFlight;
    load.drain();
    return 'begun';
  }
  clearInterval(timer);
  load.inFlight = 0;
  await load.settled();
  return { done: load.done - doneBefore, seconds: (performance.now() - beganMs) / 1000 };
}

process.on('message', (order: LoadOrder) => {
  void take(order).then((answer) => process.send!(answer));
});
process.on('disconnect', () => process.exit());
process.send!('ready');

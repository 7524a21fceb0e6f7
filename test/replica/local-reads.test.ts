/** Reads from the state here: each waits until that is as new as it wants, and not longer than its time. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { Executor } from '../../lib/replica/executor.js';
import { LocalReads } from '../../lib/replica/local-reads.js';
import { Queries } from '../../lib/replica/queries.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/replica/state-machine.js';
import { BatchKind, type Digest } from '../../lib/types.js';

const TIMEOUT_MS = 1000;
const QUERY = Buffer.from('q');

const MACHINE: StateMachine = {
  execute() {},
  query(query: CommandView, result: ResultWriter) {
    if (query.text() === 'throw') throw new Error('a bug');
    if (query.text() === 'decline') return false;
    result.writeText(`${query.text()} at ${query.slot}`);
    return true;
  },
  checkpoint: () => [],
  restore() {},
};

let nowMs: number;
let executor: Executor;
let queries: Queries;
let reads: LocalReads;
/** What the core was asked for last; 0 if it can ask nobody. */
let asked: number;

beforeEach(() => {
  nowMs = 5000;
  asked = 0;
  executor = new Executor(MACHINE, { through: 0, timeMs: 0 });
  queries = new Queries(executor);
  reads = new LocalReads({
    executor,
    queries,
    nowMs: () => nowMs,
    requestTimeoutMs: TIMEOUT_MS,
    waitingBytesMax: 1000,
  });
});

function apply(through: number): void {
  for (let slot = executor.appliedThrough + 1; slot <= through; slot++) {
    const batch = { kind: BatchKind.noop, digest: slot as Digest, bytes: new Uint8Array(0) };
    executor.skips.see(slot, batch, slot - 1);
    executor.apply(slot, batch);
  }
}

/** One turn: asks the leader, if there is one, and answers what can be. */
function turn(leads = true): void {
  queries.ask((readId) => {
    asked = leads ? readId : 0;
    return leads;
  }, nowMs);
  queries.serve(0);
  reads.serve(0);
}

/** What has become of a read by now. */
async function fateOf(answer: Promise<Uint8Array | number>): Promise<string> {
  const pending = new Promise<string>((resolve) => setImmediate(() => resolve('waits')));
  const told = answer.then(
    (value) => (typeof value === 'number' ? `slot ${value}` : Buffer.from(value).toString()),
    (error: { code: string }) => error.code,
  );
  return await Promise.race([told, pending]);
}

describe('a read from the state here', () => {
  it('is answered at the end of the turn, whoever leads', async () => {
    const read = reads.read(QUERY, 'local');
    expect(await fateOf(read)).toBe('waits');
    turn(false);
    expect([await fateOf(read), asked]).toEqual(['q at 0', 0]);
  });

  it('waits for the slot that it names', async () => {
    const read = reads.read(QUERY, { atLeast: 2 });
    apply(1);
    turn();
    expect(await fateOf(read)).toBe('waits');
    apply(2);
    turn();
    expect([await fateOf(read), asked]).toEqual(['q at 2', 0]);
  });

  it('has the outcome of its query', async () => {
    const fates = ['decline', 'throw', 'q'].map((text) => fateOf(reads.read(Buffer.from(text), 'local')));
    turn();
    expect(await Promise.all(fates)).toEqual([ErrorCode.notExecuted, ErrorCode.stateMachine, 'q at 0']);
  });

  it('keeps its query, whatever the caller does with the bytes', async () => {
    const bytes = Buffer.from('q');
    const read = reads.read(bytes, 'local');
    bytes.fill(0);
    turn();
    expect(await fateOf(read)).toBe('q at 0');
  });

  it('is refused where too much waits already, and room comes back', async () => {
    const waiting = [reads.read(Buffer.alloc(700), { atLeast: 1 })];
    expect(await fateOf(reads.read(QUERY, 'local'))).toBe(ErrorCode.notExecuted);
    apply(1);
    turn();
    await Promise.all(waiting);
    const read = reads.read(QUERY, 'local');
    turn();
    expect(await fateOf(read)).toBe('q at 1');
  });

  it('hears in time that the state did not become so new', async () => {
    const read = reads.read(QUERY, { atLeast: 1 });
    nowMs += TIMEOUT_MS - 1;
    reads.expire(nowMs);
    expect(await fateOf(read)).toBe('waits');
    const later = reads.read(QUERY, { atLeast: 1 });
    nowMs += 1;
    reads.expire(nowMs);
    expect([await fateOf(read), await fateOf(later)]).toEqual([ErrorCode.stale, 'waits']);
  });
});

describe('a bound of staleness', () => {
  it('asks the leader, and waits until its answer is applied', async () => {
    const read = reads.read(QUERY, { maxStalenessMs: 100 });
    turn();
    expect(asked).toBe(1);
    queries.ready(1, 3);
    turn();
    expect(await fateOf(read)).toBe('waits');
    apply(3);
    turn();
    expect(await fateOf(read)).toBe('q at 3');
  });

  it('is counted from when the leader was asked, however long its answer took', async () => {
    const first = reads.read(QUERY, { maxStalenessMs: 100 });
    turn();
    nowMs += 90;
    queries.ready(1, 0);
    turn();
    expect(await fateOf(first)).toBe('q at 0');
    // Of 101 ms ago: the answer came later, but says nothing of what was answered since the question.
    nowMs += 11;
    const second = reads.read(QUERY, { maxStalenessMs: 100 });
    turn();
    expect([await fateOf(second), asked]).toEqual(['waits', 2]);
    queries.ready(2, 0);
    turn();
    expect(await fateOf(second)).toBe('q at 0');
  });

  it('that the last question meets asks nobody', async () => {
    const first = reads.read(QUERY, { maxStalenessMs: 0 });
    turn();
    queries.ready(1, 0);
    turn();
    await first;
    nowMs += 100;
    asked = 0;
    const second = reads.read(QUERY, { maxStalenessMs: 100 });
    turn();
    expect([await fateOf(second), asked]).toEqual(['q at 0', 0]);
  });

  it('that nobody can confirm is not met', async () => {
    const read = reads.read(QUERY, { maxStalenessMs: 100 });
    turn(false);
    nowMs += TIMEOUT_MS;
    queries.expire(nowMs, true);
    reads.expire(nowMs);
    turn(false);
    expect(await fateOf(read)).toBe(ErrorCode.stale);
  });
});

describe('a barrier', () => {
  it('is reached when what the leader named is applied, and says what is', async () => {
    const barrier = reads.barrier();
    turn();
    queries.ready(1, 2);
    apply(1);
    turn();
    expect(await fateOf(barrier)).toBe('waits');
    apply(4);
    turn();
    expect(await fateOf(barrier)).toBe('slot 4');
  });

  it('that is lost with its leader is asked for again', async () => {
    const barrier = reads.barrier();
    turn();
    queries.lost(1);
    turn();
    expect(asked).toBe(2);
    queries.ready(2, 0);
    turn();
    expect(await fateOf(barrier)).toBe('slot 0');
  });

  it('is missed by its deadline, asked for or not, and when the replica ends', async () => {
    const unasked = reads.barrier();
    nowMs += TIMEOUT_MS;
    queries.expire(nowMs, false);
    const waiting = reads.barrier();
    turn();
    nowMs += TIMEOUT_MS;
    queries.expire(nowMs, true);
    const last = reads.barrier();
    turn();
    queries.end();
    const fates = await Promise.all([unasked, waiting, last].map(fateOf));
    expect(fates).toEqual([ErrorCode.stale, ErrorCode.stale, ErrorCode.stale]);
  });
});

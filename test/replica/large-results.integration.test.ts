/** Results that are larger than anybody can take at once, asked for by one client among others. */
import { afterEach, describe, expect, it } from 'vitest';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/index.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

const LARGE_BYTES = 900 << 10;
/** Together several times what may wait for one client. */
const LARGE_RESULTS = 300;
const SMALL_RESULTS = 500;

/** Answers a command of one byte with nothing, and any other with a large result. */
class Verbose implements StateMachine {
  execute(command: CommandView, result: ResultWriter): void {
    if (command.end - command.start > 1) result.reserve(LARGE_BYTES);
  }
  query(command: CommandView, result: ResultWriter): boolean {
    this.execute(command, result);
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [];
  }
  restore(): void {}
}

function bodyOf(count: number, commandBytes: number): Buffer {
  const body = Buffer.alloc(count * (4 + commandBytes));
  for (let i = 0; i < count; i++) body.writeUInt32LE(commandBytes, i * (4 + commandBytes));
  return body;
}

/** Counts what it hears of each outcome; in order, or it throws. */
class Client implements Requester {
  readonly heard: number[] = [0, 0, 0, 0, 0];
  private next = 1;
  drain(): void {}
  outcome(first: number, count: number, outcome: Outcome): void {
    if (first !== this.next) throw new Error(`${first} is answered; ${this.next} is due`);
    this.next += count;
    this.heard[outcome]! += count;
  }
  get answered(): number {
    return this.next - 1;
  }
}

describe('a client of a follower that asks for more than the connection to the leader holds', () => {
  let cluster: TestCluster;
  afterEach(() => cluster.closeAll());

  it.each(['submit', 'query'] as const)('by %s harms nobody but itself', async (kind) => {
    cluster = await TestCluster.start({
      machine: () => new Verbose(),
      storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
      // One turn makes hundreds of MiB of results: it may not be taken for a leader that was stopped.
      tuning: { electionTicks: 1500 },
    });
    const leader = await cluster.leader();
    const follower = [...cluster.replicas.values()].find((replica) => replica !== leader)!;
    await follower.propose(Buffer.alloc(1));
    const greedy = new Client();
    const modest = new Client();
    const large = bodyOf(LARGE_RESULTS, 2);
    const small = bodyOf(1, 1);
    expect(follower.service[kind](greedy, 1, LARGE_RESULTS, large, 0, large.length)).toBe(true);
    for (let i = 1; i <= SMALL_RESULTS; i++) {
      expect(follower.service.submit(modest, i, 1, small, 0, small.length)).toBe(true);
    }
    follower.service.flush();
    await cluster.until(() => modest.answered === SMALL_RESULTS && greedy.answered === LARGE_RESULTS);
    expect(modest.heard[Outcome.done]).toBe(SMALL_RESULTS);
    // Answers to queries wait for room; a command's result is there once, or not at all.
    if (kind === 'query') expect(greedy.heard[Outcome.done]).toBe(LARGE_RESULTS);
    else expect(greedy.heard[Outcome.done]! + greedy.heard[Outcome.unknown]!).toBe(LARGE_RESULTS);
    expect(greedy.heard[Outcome.done]).toBeGreaterThan(0);
  });
});

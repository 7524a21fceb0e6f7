/** Going through a history offline: what every replica executed, and nothing else. */
import { describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { Replay, slotThrough } from '../../lib/backup/replay.js';
import { restoredImage } from '../../lib/backup/restored-store.js';
import type { CommandView, ResultWriter } from '../../lib/index.js';
import { BASE, CLUSTER, commandsVote, sampleFile, skipVote, timeOf, VOTES } from './sample.js';

class Picky extends Counter {
  override execute(command: CommandView, result: ResultWriter): void {
    if (command.text() === 'add 10') throw new Error('no tens');
    super.execute(command, result);
  }
}

describe('a replay', () => {
  it('begins with the state, and executes slot by slot', async () => {
    const replay = new Replay(await sampleFile(), new Counter());
    const found: [number, string | undefined][] = [[replay.slot, replay.stateDigest]];
    while (!replay.isAtEnd) {
      replay.step();
      found.push([replay.slot, replay.stateDigest]);
    }
    expect(found).toEqual([
      [3, '40'],
      [4, '43'],
      [5, '53'],
      [6, '153'],
      [7, '1153'],
    ]);
    expect(replay.timeMs).toBe(timeOf(7));
    expect(replay.chain).toBe((replay.history as Awaited<ReturnType<typeof sampleFile>>).description.chain);
  });

  it('passes over what was skipped, also where that is said behind the slot it ends at', async () => {
    const replay = new Replay(await sampleFile([...VOTES, skipVote(8, 5)]), new Picky());
    replay.run(6);
    expect(replay.stateDigest).toBe('143');
  });

  it('says at which slot a state machine throws', async () => {
    const replay = new Replay(await sampleFile(), new Picky());
    expect(() => replay.run(7)).toThrow(/threw at slot 5: .*go through slot 4/);
    expect(replay.slot).toBe(4);
  });

  it('refuses a state that the machine does not give back', async () => {
    const file = await sampleFile();
    class Forgetful extends Counter {
      override restore(): void {}
    }
    expect(() => new Replay(file, new Forgetful())).toThrow(/restores a state with digest 0/);
  });
});

describe('where a replay is to end', () => {
  it('is the end, a slot, or the last slot by a time', async () => {
    const file = await sampleFile();
    expect(slotThrough(file, undefined)).toBe(7);
    expect(slotThrough(file, { slot: 5 })).toBe(5);
    expect(slotThrough(file, { timeMs: timeOf(5) })).toBe(5);
    expect(slotThrough(file, { timeMs: timeOf(6) - 1 })).toBe(5);
    expect(slotThrough(file, { timeMs: timeOf(100) })).toBe(7);
    expect(slotThrough(file, { timeMs: timeOf(BASE) })).toBe(BASE);
  });

  it('is never before the state nor behind the end', async () => {
    const file = await sampleFile();
    for (const wish of [{ slot: 2 }, { slot: 8 }, { timeMs: timeOf(BASE) - 1 }]) {
      expect(() => slotThrough(file, wish)).toThrow(/cannot be had: .*reaches from slot 3 .*through slot 7/);
    }
  });
});

describe('what a new cluster begins with', () => {
  it('is the state and its place in the history, and nothing else of the old cluster', async () => {
    const replay = new Replay(await sampleFile([commandsVote(4, 'add 2')]), new Counter());
    replay.run(4);
    const configuration = { number: 1, members: [{ id: 1, storeUuid: 'f'.repeat(32) }] };
    const { meta } = restoredImage(replay, 'a'.repeat(32), configuration);
    expect(meta).toEqual({
      clusterId: 'a'.repeat(32),
      checkpointId: 1,
      throughSlot: 4,
      configuration,
      chainDigest: replay.chain,
      timeMs: timeOf(4),
      stateDigest: '42',
    });
    expect(JSON.stringify(meta)).not.toContain(CLUSTER);
  });
});

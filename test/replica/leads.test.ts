/** Leads as a program hears of them: tokens that only rise, and signals that fire. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, writeBatchHeader } from '../../lib/replica/batch.js';
import { Executor } from '../../lib/replica/executor.js';
import { Leads } from '../../lib/replica/leads.js';
import type { CommandView, StateMachine } from '../../lib/replica/state-machine.js';
import { type Ballot, BatchKind, type Digest } from '../../lib/types.js';

let state: { lead: number; applied: number; recovered: number; isStopped: boolean };
let leads: Leads;
beforeEach(() => {
  state = { lead: 0, applied: 0, recovered: 0, isStopped: false };
  leads = new Leads({
    lead: () => state.lead as Ballot,
    appliedThrough: () => state.applied,
    recoveredThrough: () => state.recovered,
    isStopped: () => state.isStopped,
  });
});

/** What has changed is looked at. */
function now(change: Partial<typeof state>): void {
  Object.assign(state, change);
  leads.look();
}

describe('a lead', () => {
  it('is told of when everything before it is applied, and not sooner', async () => {
    let told = 0;
    const waiting = leads.wait({}).then(({ token }) => {
      told = token;
    });
    now({ lead: 7, applied: 3, recovered: 5 });
    await new Promise(setImmediate);
    expect(told).toBe(0);
    now({ applied: 5 });
    await waiting;
    expect(told).toBe(7);
  });

  it('is the same for whoever asks, and its signal fires when it is lost', async () => {
    now({ lead: 7 });
    const [one, other] = await Promise.all([leads.wait({}), leads.wait({})]);
    expect(other).toBe(one);
    now({ applied: 9 });
    expect(one.signal.aborted).toBe(false);
    now({ lead: 0 });
    expect(one.signal.aborted).toBe(true);
  });

  it('that was lost and won again between two looks is another one, with a higher token', async () => {
    now({ lead: 7 });
    const first = await leads.wait({});
    now({ lead: 9, recovered: 5 });
    expect(first.signal.aborted).toBe(true);
    now({ applied: 5 });
    const second = await leads.wait({});
    expect(second.token).toBe(9);
    expect(second.signal.aborted).toBe(false);
    expect(first.signal.aborted).toBe(true);
  });

  it('ends with the replica, and so do the waits for one', async () => {
    now({ lead: 7 });
    const { signal } = await leads.wait({});
    now({ isStopped: true });
    expect(signal.aborted).toBe(true);
    await expect(leads.wait({})).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STOPPED' });
  });

  it('is waited for until a signal ends the wait', async () => {
    const abort = new AbortController();
    const waiting = leads.wait({ signal: abort.signal });
    abort.abort('late');
    await expect(waiting).rejects.toBe('late');
    await expect(leads.wait({ signal: abort.signal })).rejects.toBe('late');
  });
});

describe('what a state machine sees of a command', () => {
  it('is a ballot and a slot that only rise, whatever is executed', () => {
    const seen: (readonly number[])[] = [];
    const machine: StateMachine = {
      execute: ({ ballot, slot, ordinal }: CommandView) => {
        seen.push([ballot, slot, ordinal]);
      },
      query: () => true,
      checkpoint: () => [],
      restore: () => {},
    };
    const executor = new Executor(machine, { through: 0, timeMs: 0 });
    const apply = (ballot: number, count: number): void => {
      const slot = executor.appliedThrough + 1;
      const bytes = Buffer.alloc(BATCH_HEADER_BYTES + COMMAND_HEADER_BYTES * count);
      writeBatchHeader(bytes, { count, timeMs: 1, ballot: ballot as Ballot, sequence: slot });
      const batch = { kind: BatchKind.commands, digest: slot as Digest, bytes };
      executor.skips.see(slot, batch, slot - 1);
      executor.apply(slot, batch);
    };
    apply(7, 2);
    apply(7, 1);
    // It was proposed by a leader before the last one: it is not executed.
    apply(9, 1);
    apply(7, 1);
    apply(12, 1);
    expect(seen).toEqual([
      [7, 1, 0],
      [7, 1, 1],
      [7, 2, 0],
      [9, 3, 0],
      [12, 5, 0],
    ]);
  });
});

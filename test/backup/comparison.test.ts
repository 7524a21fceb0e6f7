/** The first slot at which two histories differ. */
import { describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { type Comparison, compare } from '../../lib/backup/comparison.js';
import { Replay } from '../../lib/backup/replay.js';
import type { CommandView, ResultWriter, StateMachine } from '../../lib/index.js';
import { commandsVote, sampleFile, VOTES } from './sample.js';

async function compared(
  votes = VOTES,
  value = '40',
  machine: StateMachine = new Counter(),
): Promise<Comparison> {
  const other = new Replay(await sampleFile(votes, value), machine);
  return compare(new Replay(await sampleFile(), new Counter()), other);
}

describe('two histories', () => {
  it('that are the same have no difference, as far as both go', async () => {
    const none = { from: 3, difference: undefined, hasStates: true };
    expect(await compared()).toEqual({ ...none, through: 7 });
    expect(await compared(VOTES.slice(0, 2))).toEqual({ ...none, through: 5 });
  });

  it('with another command differ at its slot', async () => {
    const votes = [...VOTES.slice(0, 2), commandsVote(6, 'add 999'), ...VOTES.slice(3)];
    expect(await compared(votes)).toMatchObject({ difference: { slot: 6, of: 'commands', isFirst: false } });
  });

  it('with the same commands and another state differ where the machine went its own way', async () => {
    class Random extends Counter {
      override execute(command: CommandView, result: ResultWriter): void {
        super.execute(command, result);
        if (command.slot === 5) super.execute({ ...command, text: () => 'add 1' } as CommandView, result);
      }
    }
    expect(await compared(VOTES, '40', new Random())).toMatchObject({
      difference: { slot: 5, of: 'state', isFirst: false },
    });
  });

  it('that begin with different states say that they may differ earlier', async () => {
    expect(await compared(VOTES, '41')).toMatchObject({
      difference: { slot: 3, of: 'state', isFirst: true },
    });
  });

  it('of machines without a digest are compared by their commands', async () => {
    class Mute extends Counter {
      override digest = undefined as never;
    }
    expect(await compared(VOTES, '40', new Mute())).toMatchObject({
      hasStates: false,
      difference: undefined,
    });
  });
});

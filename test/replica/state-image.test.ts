import { describe, expect, it } from 'vitest';
import { SessionTable } from '../../lib/replica/sessions/session-table.js';
import { type ReplicatedState, restoreImage, takeImage } from '../../lib/replica/state-image.js';
import type { StateMachine } from '../../lib/replica/state-machine.js';
import type { CheckpointFile } from '../../lib/storage/checkpoint-file.js';
import type { CheckpointMeta } from '../../lib/storage/checkpoint-format.js';

/** A register whose image is a generator: nothing of it runs before the first chunk is pulled. */
class Register implements StateMachine {
  value: string;
  constructor(value: string) {
    this.value = value;
  }
  execute(): void {}
  query(): boolean {
    return true;
  }
  *checkpoint(): Iterable<Uint8Array> {
    yield Buffer.from(this.value);
  }
  restore(chunks: Iterable<Uint8Array>): void {
    this.value = Buffer.concat([...chunks]).toString();
  }
  digest(): string {
    return this.value;
  }
}

const PLACE: CheckpointMeta = {
  clusterId: 'c'.repeat(32),
  checkpointId: 1,
  throughSlot: 9,
  configuration: { number: 1, members: [] },
  chainDigest: 0,
  timeMs: 0,
};

const stateOf = (machine: Register, sessions: SessionTable = new SessionTable()): ReplicatedState => ({
  machine,
  sessions,
});

const fileOf = (chunks: Iterable<Uint8Array>, stateDigest: string): CheckpointFile =>
  ({
    meta: { stateDigest, throughSlot: 9 },
    chunks: () => chunks,
    path: 'here',
  }) as unknown as CheckpointFile;

describe('the image of the state', () => {
  it('is of the moment it was asked for, even from a generator that is pulled later', () => {
    const machine = new Register('then');
    const image = takeImage(stateOf(machine), PLACE);
    machine.value = 'later';
    expect(Buffer.concat([...image.chunks]).toString()).toBe('then');
  });

  it('is refused when it restores another state than the one it was taken of', () => {
    const machine = new Register('empty');
    expect(() => restoreImage(stateOf(machine), fileOf([Buffer.from('later')], 'then'))).toThrow(
      expect.objectContaining({
        code: 'ERR_INDELIBLE_STATE_MACHINE',
        message: expect.stringContaining('slot 9'),
      }),
    );
    restoreImage(stateOf(machine), fileOf([Buffer.from('then')], 'then'));
    expect(machine.value).toBe('then');
  });

  it('keeps the code of a checkpoint that is not whole', () => {
    const machine = new Register('empty');
    machine.restore = () => {
      throw new Error('on purpose');
    };
    expect(() => restoreImage(stateOf(machine), fileOf([], 'x'))).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_STATE_MACHINE' }),
    );
  });
});

/** A command at which a state machine throws: what is skipped, by whom, and what the state is afterwards. */
import { ContractViolation } from '../../../lib/contract.js';
import { Progress } from '../../../lib/paxos/progress.js';
import { Quorum } from '../../../lib/paxos/quorum.js';
import { Applying, type ApplyingParts } from '../../../lib/replica/applying.js';
import { BATCH_HEADER_BYTES, writeBatchHeader } from '../../../lib/replica/batch.js';
import { Executor } from '../../../lib/replica/executor.js';
import { writeSkipRecord } from '../../../lib/replica/skip-record.js';
import { Skipping, type SkippingParts } from '../../../lib/replica/skipping.js';
import { Skips } from '../../../lib/replica/skips.js';
import type { CommandView, StateMachine } from '../../../lib/replica/state-machine.js';
import { type Ballot, type Batch, BatchKind, type Digest } from '../../../lib/types.js';
import { mustBe, type Schedule } from './schedule.js';

const STAMP = { timeMs: 1, ballot: 65537 as Ballot, sequence: 1 };
const POISON = 9;
const SKIP = { slot: 2, ordinal: 1, reason: 'it throws' };

const batchOf = (bytes: Uint8Array): Batch => ({ kind: BatchKind.commands, digest: 1 as Digest, bytes });

/** A batch of commands of one byte. */
function commands(...numbers: number[]): Batch {
  const body = numbers.flatMap((number) => [1, 0, 0, 0, number]);
  const bytes = Buffer.from([...Buffer.alloc(BATCH_HEADER_BYTES), ...body]);
  writeBatchHeader(bytes, { count: numbers.length, ...STAMP });
  return batchOf(bytes);
}

/** Slots 1 to 4: the second command of slot 2 is poison, and slot 4 has it skipped. */
const LOG: readonly Batch[] = [
  commands(1),
  commands(2, POISON, 3),
  commands(4),
  batchOf(writeSkipRecord({ ...SKIP, ...STAMP })),
];

/** One replica's executor, machine and log; its newest checkpoint is that of the empty state. */
class World {
  throws = true;
  tried = 0;
  state: number[] = [];
  learnedThrough = 0;
  readonly executor: Executor;
  private readonly applying: Applying;

  constructor() {
    const world = this;
    const machine: StateMachine = {
      execute: ({ bytes, start }: CommandView) => {
        const number = bytes[start]!;
        this.state.push(number);
        if (number !== POISON) return;
        this.tried++;
        if (this.throws) throw new Error('it throws');
      },
      query: () => true,
      checkpoint: () => [],
      restore: () => {},
    };
    const standing = { through: 0, timeMs: 0 };
    this.executor = new Executor(machine, standing);
    const batchAt = (slot: number): Batch | undefined => LOG[slot - 1];
    const learner = {
      get learnedThrough() {
        return world.learnedThrough;
      },
      batchAt,
      learnedBatch: batchAt,
    };
    const core = { learner, acceptor: { damage: { unavailable: new Set() } }, applied() {} };
    this.applying = new Applying({
      core: core as unknown as ApplyingParts['core'],
      executor: this.executor,
      checkpoints: {
        base: standing,
        mayRestore: true,
        restoreAgain: () => {
          this.state = [];
        },
      },
      goesOn: () => true,
      halted() {},
    });
  }

  learn(through: number): void {
    this.learnedThrough = through;
    this.applying.run();
  }
}

/** A leader that is halted, asked to skip, and its two followers. @returns what it has proposed */
function asked(applied: number, openThrough: number): number {
  let proposed = 0;
  const progress = new Progress();
  const members = [1, 2, 3].map((id) => ({ id, storeUuid: String(id) }));
  const core = {
    self: 1,
    leader: 1,
    quorum: new Quorum({ number: 1, members }),
    progress,
    proposer: { ballot: STAMP.ballot, recoveredThrough: 2, lastSlot: openThrough },
  };
  const halt = { slot: SKIP.slot, ordinal: SKIP.ordinal, error: new Error('it throws') };
  const skips = new Skips(3);
  const skipping = new Skipping({
    core: core as unknown as SkippingParts['core'],
    executor: { halt, skips },
    tickMs: 10,
    timeoutMs: 1000,
    propose: () => ++proposed,
  });
  const tell = (from: number, appliedThrough: number): void =>
    progress.take(from, {
      type: 'heartbeaten',
      ballot: STAMP.ballot,
      round: 1,
      coveredThrough: 3,
      learnedThrough: 3,
      appliedThrough,
      trimThrough: 0,
      isShort: false,
    });
  tell(3, applied);
  skipping.ask(SKIP).catch(() => {});
  for (let tick = 0; tick < 5; tick++) {
    tell(2, 1);
    progress.tick();
    skipping.tick();
  }
  return proposed;
}

export const skips: readonly Schedule[] = [
  {
    name: 'what is skipped is not tried when the log is read again',
    run: () => {
      const world = new World();
      world.learn(4);
      mustBe([world.state, world.tried], [[1, 2, 3, 4], 0], 'the state, and how often poison was tried');
    },
  },
  {
    name: 'a replica that goes on behind a halt keeps nothing of what it threw at',
    run: () => {
      const world = new World();
      world.learn(3);
      mustBe([world.executor.halt?.slot, world.executor.appliedThrough], [2, 1], 'where it halts');
      world.learn(4);
      mustBe([world.state, world.executor.appliedThrough], [[1, 2, 3, 4], 4], 'its state');
    },
  },
  {
    name: 'a replica that has executed what is skipped stops',
    run: () => {
      const world = new World();
      world.throws = false;
      world.learn(3);
      let contract = 0;
      try {
        world.learn(4);
      } catch (error) {
        if (!(error instanceof ContractViolation)) throw error;
        ({ contract } = error);
      }
      mustBe(contract, 32, 'the contract that it stops with');
    },
  },
  {
    name: 'a command that a replica has executed is not skipped',
    run: () => {
      mustBe(asked(1, 3), 1, 'records proposed where nobody has executed it');
      mustBe(asked(2, 3), 0, 'records proposed where one has executed it');
    },
  },
  {
    name: 'a skip waits for what may be a skip already',
    run: () => mustBe(asked(1, 4), 0, 'records proposed while a slot is open'),
  },
];

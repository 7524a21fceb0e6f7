/** A session: what is executed of it, what it is answered, and what a checkpoint keeps. */
import { BATCH_HEADER_BYTES, SESSIONS_VERSION, writeBatchHeader } from '../../../lib/replica/batch.js';
import { Executor } from '../../../lib/replica/executor.js';
import { Outcome, type Requester } from '../../../lib/replica/service.js';
import { sessionBytesMax, writeSessionRuns } from '../../../lib/replica/sessions/session-runs.js';
import { SessionTable } from '../../../lib/replica/sessions/session-table.js';
import { SESSION_NEW, type SessionTerms } from '../../../lib/replica/sessions/session-terms.js';
import { restoreImage, takeImage } from '../../../lib/replica/state-image.js';
import type { CommandView, ResultWriter, StateMachine } from '../../../lib/replica/state-machine.js';
import { type Ballot, BatchKind, type Digest } from '../../../lib/types.js';
import { mustBe, type Schedule } from './schedule.js';

const MINUTE_MS = 60_000;
const BOUNDS = { sessionsMax: 4, answerKibMax: 64, idleSeconds: 60 };

/** A replica's state; its machine answers a command with a letter and how many it has executed. */
class World implements Requester {
  readonly sessions = new SessionTable();
  executed = '';
  readonly heard: (string | Outcome)[] = [];
  readonly machine: StateMachine = {
    execute: (command: CommandView, result: ResultWriter) => {
      this.executed += command.text();
      result.writeText(`${command.text()}${this.executed.length}`);
    },
    query: () => true,
    checkpoint: () => [Buffer.from(this.executed)],
    restore: (chunks) => {
      this.executed = Buffer.concat([...chunks]).toString();
    },
  };
  readonly executor = new Executor(this.machine, { through: 0, timeMs: 0 }, this.sessions);
  private batches = 0;

  /** Commands of one letter each. @returns what was heard of them */
  run(letters: string, terms: SessionTerms, timeMs: number): readonly (string | Outcome)[] {
    const body = [...letters].flatMap((letter) => [Buffer.from([1, 0, 0, 0]), Buffer.from(letter)]);
    const commands = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), ...body]);
    const room = Buffer.concat([commands, Buffer.alloc(sessionBytesMax(1))]);
    const count = letters.length;
    const run = { requester: this, first: 0, count, deadlineMs: Number.POSITIVE_INFINITY, terms };
    const bytes = room.subarray(0, writeSessionRuns(room, commands.length, [run], BOUNDS));
    this.batches++;
    const stamp = { count, timeMs, ballot: 65537 as Ballot, sequence: this.batches };
    writeBatchHeader(bytes, stamp, SESSIONS_VERSION);
    const batch = { kind: BatchKind.commands, digest: this.batches as Digest, bytes };
    const slot = this.executor.appliedThrough + 1;
    this.executor.expect(slot, batch.digest, [run]);
    this.executor.skips.see(slot, batch, slot - 1);
    this.executor.apply(slot, batch);
    return this.heard.splice(0);
  }

  outcome(_first: number, count: number, outcome: Outcome, results: Uint8Array, start: number): void {
    for (let i = 0, at = start; i < count; i++) {
      if (outcome !== Outcome.done) this.heard.push(outcome);
      else this.heard.push(Buffer.from(results.slice(at + 4, at + 4 + results[at]!)).toString('latin1'));
      if (outcome === Outcome.done) at += 4 + results[at]!;
    }
  }

  drain(): void {}
}

const open: SessionTerms = { session: SESSION_NEW, sequence: 0, answeredThrough: 0 };
const terms = (session: number, sequence: number, answeredThrough = 0): SessionTerms => ({
  session,
  sequence,
  answeredThrough,
});

export const sessions: Schedule = {
  name: 'of a session only the next command is executed, also behind a checkpoint, until it is forgotten',
  run() {
    const world = new World();
    world.run('-', open, 1);
    mustBe(world.run('abc', terms(1, 1), 2), ['a1', 'b2', 'c3'], 'the next ones are executed');
    mustBe(world.run('bcd', terms(1, 2), 3), ['b2', 'c3', 'd4'], 'a repetition has its own answer');
    mustBe(world.run('f', terms(1, 6), 3), [Outcome.outOfOrder], 'what is further on is refused');
    mustBe(world.executed, 'abcd', 'each is executed once');
    const place = { throughSlot: 4 } as Parameters<typeof takeImage>[1];
    const image = takeImage({ machine: world.machine, sessions: world.sessions }, place);
    const bytes = Buffer.concat([...image.chunks]);
    const heir = new World();
    restoreImage(
      { machine: heir.machine, sessions: heir.sessions },
      { meta: image.meta, chunks: () => [bytes] },
    );
    mustBe(heir.run('cde', terms(1, 3, 2), 4), ['c3', 'd4', 'e5'], 'a checkpoint holds the sessions');
    mustBe(heir.executed, 'abcde', 'each is executed once, behind a checkpoint too');
    heir.run('-', open, 5);
    heir.run('f', terms(1, 6), MINUTE_MS);
    mustBe(heir.run('x', terms(2, 1), 5 + MINUTE_MS), ['x7'], 'one that is used in time is kept');
    mustBe(heir.run('-', open, 6 + 2 * MINUTE_MS).length, 1, 'a session is opened');
    mustBe(heir.run('x', terms(2, 1), 6 + 2 * MINUTE_MS), [Outcome.sessionGone], 'forgotten is forgotten');
    mustBe(heir.executed, 'abcdefx', 'nothing is executed of a session that is forgotten');
  },
};

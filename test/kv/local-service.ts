/**
 * A `Service` that runs one state machine in this process, for tests of what stands in front of it: it can
 * hold answers back, give requesters their answers in another order, refuse for lack of room, and lose.
 */

import { Output } from '../../lib/kv/resp/output.js';
import { Outcome, type Requester, type Service } from '../../lib/replica/service.js';
import type { CommandView, StateMachine } from '../../lib/replica/state-machine.js';
import type { Ballot } from '../../lib/types.js';

interface Work {
  readonly requester: Requester;
  readonly query: boolean;
  readonly first: number;
  readonly count: number;
  readonly body: Buffer;
}

export class LocalView implements CommandView {
  bytes: Uint8Array = Buffer.alloc(0);
  start = 0;
  end = 0;
  slot = 1;
  ordinal = 0;
  ballot = 1 as Ballot;
  timeMs = 1000;
  copy(): Uint8Array {
    return this.bytes.slice(this.start, this.end);
  }
  text(): string {
    return Buffer.from(this.copy()).toString();
  }
}

export class LocalService implements Service {
  readonly machine: StateMachine;
  /** Time of commands, and the replica's own clock for queries. */
  timeMs = 1_000_000;
  nowMs: () => number = () => this.timeMs;
  /** While true, nothing is answered until {@link release}. */
  holding = false;
  /** While true, submit and query return false. */
  refusing = false;
  /** What becomes of the next commands; `done` executes them. */
  fate: Outcome = Outcome.done;
  /** Gives the last requester its answers first. */
  reversed = false;
  /** Throws from submit and query. */
  stopped: Error | undefined = undefined;
  readonly log: { query: boolean; count: number }[] = [];
  flushes = 0;
  readonly #view: LocalView = new LocalView();
  #work: Work[] = [];
  #refused: Set<Requester> = new Set();
  #scheduled = false;

  constructor(machine: StateMachine) {
    this.machine = machine;
  }

  submit(r: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#take(r, false, first, count, bytes, start, end);
  }

  query(r: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#take(r, true, first, count, bytes, start, end);
  }

  abandon(requester: Requester): void {
    this.#work = this.#work.filter((work) => work.requester !== requester);
    this.#refused.delete(requester);
  }

  flush(): void {
    this.flushes++;
    if (this.#scheduled || this.holding) return;
    this.#scheduled = true;
    setImmediate(() => this.release());
  }

  /** There is room again. */
  admit(): void {
    this.refusing = false;
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const requester of refused) requester.drain();
  }

  /** Does and answers everything taken. */
  release(): void {
    this.#scheduled = false;
    const work = this.#work;
    this.#work = [];
    const answers = work.map((item) => this.#run(item));
    const requesters = [...new Set(work.map((item) => item.requester))];
    if (this.reversed) requesters.reverse();
    for (const requester of requesters) {
      work.forEach((item, i) => {
        if (item.requester === requester) answers[i]!();
      });
    }
  }

  #take(
    requester: Requester,
    query: boolean,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (this.stopped !== undefined) throw this.stopped;
    if (this.refusing) {
      this.#refused.add(requester);
      return false;
    }
    this.log.push({ query, count });
    this.#work.push({ requester, query, first, count, body: Buffer.from(bytes.subarray(start, end)) });
    return true;
  }

  /** Executes now; the function returned gives the answers. */
  #run(work: Work): () => void {
    if (this.fate !== Outcome.done) {
      const fate = this.fate;
      return () => work.requester.outcome(work.first, work.count, fate, work.body, 0, 0);
    }
    const answers: (() => void)[] = [];
    const view = this.#view;
    view.bytes = work.body;
    view.timeMs = this.timeMs;
    let results = new Output();
    let from = work.first;
    let count = 0;
    const give = (): void => {
      const body = results.take();
      const [first, number] = [from, count];
      if (count > 0) {
        answers.push(() => work.requester.outcome(first, number, Outcome.done, body, 0, body.length));
      }
      results = new Output();
    };
    let at = 0;
    for (let i = 0; i < work.count; i++) {
      view.start = at + 4;
      view.end = view.start + work.body.readUInt32LE(at);
      at = view.end;
      const place = results.reserve(4);
      const answered = work.query
        ? this.machine.query(view, results, this.nowMs())
        : this.#execute(view, results);
      if (answered) {
        results.buffer.writeUInt32LE(results.length - place - 4, place);
        count++;
        continue;
      }
      results.length = place;
      give();
      const number = work.first + i;
      answers.push(() => work.requester.outcome(number, 1, Outcome.declined, work.body, 0, 0));
      from = number + 1;
      count = 0;
    }
    give();
    return () => {
      for (const answer of answers) answer();
    };
  }

  #execute(view: LocalView, results: Output): true {
    view.slot++;
    this.machine.execute(view, results);
    return true;
  }
}

/** Three replicas in the guest, each a process, driven by the guest program. */
import { type ChildProcess, fork } from 'node:child_process';
import type { OpenedReplica } from './guest-lines.js';
import type { GuestMode, ReplicaAnswer, ReplicaOrder } from './replica-program.js';

/** Commands of the rehearsal, and how many of them are under way at a time. */
const REHEARSED = 400;
const LANES = 12;

export class GuestCluster {
  readonly #children: readonly ChildProcess[];
  readonly #answers: ReplicaAnswer[][] = [[], [], []];
  #leader = -1;
  #wake: () => void = () => {};
  /** Called for each number's outcome once {@link propose} was called for it. */
  onOutcome: (number: number, done: boolean) => void = () => {};
  onFailure: (text: string) => void = () => {};

  constructor(program: string) {
    this.#children = [1, 2, 3].map((id) => fork(program, [String(id)]));
    for (const [index, child] of this.#children.entries()) {
      child.on('message', (answer) => this.#hear(index, answer as ReplicaAnswer));
      child.on('exit', (code) => this.onFailure(`replica ${index + 1} exits with code ${code}`));
    }
  }

  async loaded(): Promise<void> {
    await this.#all((answer) => answer.loaded);
  }

  /** All that will be done on persistent memory, done once in memory: loaded and compiled it is quicker. */
  async rehearse(): Promise<void> {
    const directory = '/tmp/rehearsal';
    await this.format(directory, 'emulated');
    await this.open(directory, 'emulated');
    await new Promise<void>((resolve) => {
      let outcomes = 0;
      this.onOutcome = () => {
        outcomes++;
        if (outcomes === REHEARSED) resolve();
        else if (outcomes + LANES <= REHEARSED) this.propose(outcomes + LANES);
      };
      for (let number = 1; number <= LANES; number++) this.propose(number);
    });
    this.#tellAll(() => ({ close: true }));
    await this.#all((answer) => answer.closed);
    for (const answers of this.#answers) answers.length = 0;
    this.#leader = -1;
  }

  async format(directory: string, mode: GuestMode = 'pmem'): Promise<void> {
    for (const answers of this.#answers) answers.length = 0;
    this.#tellAll((id) => ({ mode, format: `${directory}/replica-${id}` }));
    await this.#all((answer) => answer.formatted);
  }

  /** Opens all three; resolves with what each has executed, at a point after they had a leader. */
  async open(directory: string, mode: GuestMode = 'pmem'): Promise<readonly OpenedReplica[]> {
    this.#tellAll((id) => ({ mode, open: `${directory}/replica-${id}` }));
    await this.#all((answer) => answer.opened);
    while (this.#leader < 0) await this.#something();
    this.#tellAll(() => ({ read: true }));
    return this.#all((answer) => answer.found);
  }

  propose(number: number): void {
    this.#children[Math.max(0, this.#leader)]!.send({ propose: number } satisfies ReplicaOrder);
  }

  #tellAll(order: (id: number) => ReplicaOrder): void {
    for (const [index, child] of this.#children.entries()) child.send(order(index + 1));
  }

  #hear(index: number, answer: ReplicaAnswer): void {
    if (answer.done !== undefined) this.onOutcome(answer.done, true);
    else if (answer.refused !== undefined) this.onOutcome(answer.refused, false);
    else if (answer.failed !== undefined) this.onFailure(`replica ${index + 1}: ${answer.failed}`);
    if (answer.leads === true) this.#leader = index;
    this.#answers[index]!.push(answer);
    this.#wake();
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** One answer of each that has the thing that is looked for. */
  async #all<T>(part: (answer: ReplicaAnswer) => T | undefined): Promise<readonly T[]> {
    for (;;) {
      const found = this.#answers.map((answers) => answers.find((answer) => part(answer) !== undefined));
      if (found.every((answer) => answer !== undefined)) return found.map((answer) => part(answer!)!);
      await this.#something();
    }
  }
}

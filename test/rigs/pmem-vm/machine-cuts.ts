/**
 * One machine that is switched off again and again while a cluster on persistent memory, or a log on a DAX
 * device, writes in it; what it finds each time it is on again is compared with what it had answered over its
 * serial line.
 *
 * A cut falls while commands are under way, or, one time in six, anywhere in the first seconds: while file
 * systems are mounted and logs recovered. It counts if something was asked for and not answered.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../../lib/simulation/random.js';
import { eventually } from '../../service/eventually.js';
import { VoteHistory } from '../vote-history.js';
import type { GuestLine, OpenedReplica, Target } from './guest-lines.js';
import { NumberSet } from './number-set.js';
import { type MachineOptions, VirtualMachine } from './virtual-machine.js';

const EARLY_ONE_IN = 6;
const EARLY_MS_MAX = 3000;
/** Answers between recovery and the cut are at most so many, and how long it then still takes. */
const ANSWERS_MAX = 60;
const PAUSE_MS_MAX = 150;

export class MachineCuts {
  readonly counted: Map<Target, number> = new Map<Target, number>();
  /** Cuts that met nothing under way: those before anything was asked. */
  idle = 0;
  /** Recoveries that were compared. */
  recoveries = 0;
  answered = 0;
  unanswered = 0;
  readonly #options: MachineOptions;
  readonly #random: Random;
  readonly #done = new Map<Target, NumberSet>();
  readonly #asked = new Map<Target, number>();
  readonly #history = new VoteHistory();

  constructor(options: MachineOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  get total(): number {
    return [...this.counted.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One life of the machine, from the saved state to the cut. @throws what was lost, or went wrong */
  async life(target: Target): Promise<void> {
    const isEarly = this.#random.below(EARLY_ONE_IN) === 0;
    const life = new Life(this.#options, (line) => this.#hear(target, line));
    try {
      await life.begin(target, 1 + (this.#asked.get(target) ?? 0), this.#random.bits());
      const untilMs = this.#random.fraction() * EARLY_MS_MAX;
      if (isEarly) await Promise.race([pause(untilMs), life.trouble]);
      else {
        await life.reaches(this.#random.between(1, ANSWERS_MAX));
        await pause(this.#random.fraction() * PAUSE_MS_MAX);
      }
    } finally {
      await life.end();
    }
    if (life.failure !== undefined) throw new Error(life.failure);
    const { asked, answers } = life;
    this.answered += answers;
    if (asked > answers) this.counted.set(target, (this.counted.get(target) ?? 0) + 1);
    else this.idle++;
  }

  /** Switched on once more, and looked at. */
  async lastLook(target: Target): Promise<void> {
    const life = new Life(this.#options, (line) => this.#hear(target, line));
    try {
      await life.begin(target, 1 + (this.#asked.get(target) ?? 0), 1);
      await life.reaches(1);
    } finally {
      await life.end();
    }
    if (life.failure !== undefined) throw new Error(life.failure);
  }

  /** @returns what is wrong with a line; undefined if nothing is */
  #hear(target: Target, line: GuestLine): string | undefined {
    if (line.asked !== undefined) this.#asked.set(target, line.asked);
    for (const number of line.done ?? []) this.#doneOf(target).add(number);
    if (line.opened !== undefined) return this.#judge(target, line.opened);
    if (line.device !== undefined && line.device !== 'pmem, survives power')
      return `the device is ${line.device}`;
    if (line.writer === undefined) return undefined;
    this.#history.hear(line.writer);
    if (line.writer.recovered === undefined) return undefined;
    this.recoveries++;
    const { violation, unanswered } = this.#history.judge(line.writer.recovered);
    this.unanswered += unanswered;
    return violation;
  }

  #doneOf(target: Target): NumberSet {
    const found = this.#done.get(target) ?? new NumberSet();
    this.#done.set(target, found);
    return found;
  }

  #judge(target: Target, replicas: readonly OpenedReplica[]): string | undefined {
    const done = this.#doneOf(target);
    const asked = this.#asked.get(target) ?? 0;
    for (const { id, mode, durability, recovery, synchronous, executed } of replicas) {
      const found = `${mode}, survives ${durability}, recovery ${recovery}, MAP_SYNC ${synchronous}`;
      const name = `replica ${id} on ${target}`;
      if (found !== 'pmem, survives power, recovery intact, MAP_SYNC true') return `${name}: ${found}`;
      const there = NumberSet.parse(executed);
      const lost = done.without(there, 5);
      if (lost.length > 0) return `${name} has lost what was answered: ${lost.join(', ')} …`;
      if (there.highest > asked) return `${name} has ${there.highest}; nobody asked for more than ${asked}`;
      this.unanswered += id === 1 ? there.count - done.count : 0;
      this.recoveries++;
    }
    // What is there stays there: from now on it counts like what was answered.
    this.#done.set(target, NumberSet.parse(replicas[0]!.executed));
    return undefined;
  }
}

/** The machine between two cuts. */
class Life {
  failure: string | undefined;
  asked = 0;
  answers = 0;
  /** Resolves when something is wrong. */
  readonly trouble: Promise<void>;
  readonly #machine: VirtualMachine;
  #alarm: () => void = () => {};

  constructor(options: MachineOptions, hear: (line: GuestLine) => string | undefined) {
    this.trouble = new Promise((resolve) => {
      this.#alarm = resolve;
    });
    this.#machine = new VirtualMachine(options, 'resume', (line) => {
      if (line.asked !== undefined) this.asked++;
      this.answers += line.done?.length ?? 0;
      this.asked += line.writer?.staged?.length ?? 0;
      if (line.writer?.durable !== undefined) this.answers = line.writer.durable;
      this.failure ??= line.failed ?? line.writer?.failed ?? hear(line);
      if (this.failure !== undefined) this.#alarm();
    });
  }

  async begin(target: Target, first: number, seed: number): Promise<void> {
    await this.#machine.connect();
    await this.#machine.resume();
    this.#machine.send({ run: target, first, seed });
  }

  async reaches(answers: number): Promise<void> {
    await eventually(
      `${answers} answers`,
      () => this.answers >= answers || this.failure !== undefined || this.#machine.hasEnded || undefined,
      () => `${this.answers} of ${this.asked} so far\n${this.#machine.problems()}`,
    );
    if (this.#machine.hasEnded) throw new Error(`QEMU ended by itself: ${this.#machine.problems()}`);
  }

  async end(): Promise<void> {
    this.#machine.kill();
    await this.#machine.ended;
  }
}

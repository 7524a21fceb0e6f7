/**
 * An operator's wish about the members of a running cluster, brought about: asked of whoever leads, again and
 * again until it is so, and then looked at once more.
 *
 * 1. Every step begins with what the members are now, so that a step is safe to repeat, by this command or by
 *    the next one.
 * 2. It ends when a majority of the new voters knows the new configuration, and one of them leads in it: then
 *    whoever has left may be stopped.
 * 3. What may pass is waited for, for as long as the command line says, and no longer.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { arrangeAt } from '../client/arrange.js';
import { type Answer, newestConfiguration, surveyOf, verdictOf, votersOf } from '../client/survey.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { highestIdOf } from '../paxos/configuration-batch.js';
import { hasMembers } from '../replica/members-change.js';
import type { ReplicaStatus } from '../replica/status.js';
import type { Configuration, Member, ReplicaId } from '../types.js';
import type { Access } from './members.js';

/** Milliseconds between two looks at a cluster. */
const LOOK_MS = 200;

/** What the members are, as those who answer say. */
export interface Look {
  readonly configuration: Configuration;
  readonly answers: readonly Answer[];
  /** Who leads in that configuration; undefined if nobody does. */
  readonly leader: Answer | undefined;
}

export interface ArrangementOptions {
  /** Where some of the members are reached, as it is known by now. */
  readonly addresses: () => ReadonlyMap<ReplicaId, string>;
  readonly access: Access;
  readonly waitMs: number;
  /** What is waited for, told whenever it changes. */
  readonly progress: (sentence: string) => void;
}

export class Arrangement {
  readonly #options: ArrangementOptions;
  readonly #endMs: number;
  #said = '';

  constructor(options: ArrangementOptions) {
    this.#options = options;
    this.#endMs = performance.now() + options.waitMs;
  }

  /** Asks all members, at the addresses that are known by now. @throws where none of them answers in time */
  async look(): Promise<Look> {
    for (;;) {
      const { access } = this.#options;
      let answers = await surveyOf(this.#options.addresses(), access);
      const told = newestConfiguration(statusesOf(answers));
      if (told !== undefined) {
        answers = await surveyOf(this.#addressesOf(told), access);
        const configuration = newestConfiguration(statusesOf(answers)) ?? told;
        const inForce = answers.filter(({ status }) => status?.configuration.number === configuration.number);
        const { leader } = verdictOf(inForce);
        return { configuration, answers, leader: inForce.find(({ id }) => id === leader) };
      }
      await this.wait(`no replica answers: ${answers[0]?.problem ?? 'none is known'}`);
    }
  }

  /**
   * Makes the members what `wanted` says of those that are, and waits until the cluster is so.
   * @param wanted the members that are to be; called anew whenever others have become the members
   */
  async reach(wanted: (now: Configuration) => readonly Member[]): Promise<Look> {
    for (;;) {
      const now = await this.look();
      const members = wanted(now.configuration);
      if (hasMembers(now.configuration, members)) return this.#settled(now.configuration.number);
      await this.#ask(now, members);
    }
  }

  /** Resolves once `replica` leads. */
  async lead(replica: ReplicaId): Promise<Look> {
    for (;;) {
      const now = await this.look();
      const { configuration, leader } = now;
      if (leader?.id === replica) return now;
      if (!votersOf(configuration).includes(replica)) throw argumentError(`replica ${replica} is no voter`);
      await this.#try(leader, `replica ${replica} is asked to lead`, { type: 'leadRequest', replica });
    }
  }

  /** The status of a newcomer, once it answers. */
  async newcomer(id: ReplicaId, address: string): Promise<ReplicaStatus> {
    for (;;) {
      const status = await this.#statusAt(id, address);
      if (typeof status === 'object') return status;
      await this.wait(`replica ${id} does not answer at ${address}, start it: ${status}`);
    }
  }

  /** The status of a replica that somebody else starts and makes known, once it answers. */
  async started(id: ReplicaId): Promise<ReplicaStatus> {
    for (;;) {
      const address = this.#options.addresses().get(id);
      const status = address === undefined ? 'it is not started yet' : await this.#statusAt(id, address);
      if (typeof status === 'object') return status;
      await this.wait(`replica ${id} does not answer yet: ${status}`);
    }
  }

  /** Resolves once replica `id` is among those that run no more. */
  async stopped(id: ReplicaId): Promise<void> {
    while (this.#options.addresses().has(id)) await this.wait(`replica ${id} is stopped`);
  }

  /** Tells what is done. */
  tell(sentence: string): void {
    this.#options.progress(sentence);
  }

  /** What it says of itself, or why it says nothing. */
  async #statusAt(id: ReplicaId, address: string): Promise<ReplicaStatus | string> {
    const [answer] = await surveyOf(new Map([[id, address]]), this.#options.access);
    return answer?.status ?? answer?.problem ?? 'nobody answers';
  }

  /** A moment of waiting for that. @throws ERR_INDELIBLE_NOT_EXECUTED when the time is over */
  async wait(what: string): Promise<void> {
    if (what !== this.#said) this.#options.progress(what);
    this.#said = what;
    if (performance.now() < this.#endMs) return pause(LOOK_MS);
    const sentence = `given up: ${what}. The command can be repeated: it goes on from what is so by then`;
    throw new IndelibleError(ErrorCode.notExecuted, sentence);
  }

  /** Until a majority of the voters knows configuration `number`, or a later one, and one of them leads. */
  async #settled(number: number): Promise<Look> {
    for (;;) {
      const now = await this.look();
      const voters = votersOf(now.configuration);
      const knowing = now.answers.filter(
        ({ id, status }) => voters.includes(id) && (status?.configuration.number ?? 0) >= number,
      );
      const isKnown = knowing.length * 2 > voters.length;
      if (isKnown && now.leader !== undefined) return now;
      await this.wait(`${knowing.length} of ${voters.length} voters know configuration ${number}`);
    }
  }

  async #ask({ configuration, leader, answers }: Look, members: readonly Member[]): Promise<void> {
    const number = configuration.number + 1;
    const highestId = highestIdOf(configuration);
    const change = { number, members, highestId, cookie: '' };
    const lagging = laggingAmong(members, configuration, answers);
    await this.#try(leader, lagging || `configuration ${number} is asked for`, {
      type: 'membersRequest',
      change,
    });
  }

  /** Asks whoever leads, once; what may pass by itself is waited for. */
  async #try(
    leader: Answer | undefined,
    doing: string,
    request: Parameters<typeof arrangeAt>[1],
  ): Promise<void> {
    if (leader === undefined) return this.wait('nobody leads');
    const { id: replicaId, address } = leader;
    try {
      await arrangeAt({ address, replicaId, ...this.#options.access }, request);
      await this.wait(doing);
    } catch (error) {
      const { code, message } = error as IndelibleError;
      if (code === ErrorCode.notCaughtUp) return this.wait(doing);
      if (!PASSING.has(code) && !(await this.#isOvertaken(request))) throw error;
      await this.wait(message);
    }
  }

  /** Somebody else's change came first: what is wanted is made of what that left. */
  async #isOvertaken(request: Parameters<typeof arrangeAt>[1]): Promise<boolean> {
    if (request.type !== 'membersRequest') return false;
    const { configuration } = await this.look();
    return configuration.number >= request.change.number;
  }

  #addressesOf({ members }: Configuration): ReadonlyMap<ReplicaId, string> {
    const known = this.#options.addresses();
    const all = new Map<ReplicaId, string>();
    for (const { id, address = known.get(id) } of members) if (address !== undefined) all.set(id, address);
    return all;
  }
}

/** What ends by itself: another leader, a connection that is there again, a log that has room. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.notExecuted,
  ErrorCode.unknown,
  ErrorCode.network,
  ErrorCode.notCaughtUp,
]);

function statusesOf(answers: readonly Answer[]): readonly ReplicaStatus[] {
  return answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
}

/** How far those are that are to vote and do not yet; empty where there are none. */
function laggingAmong(
  members: readonly Member[],
  { members: before }: Configuration,
  answers: readonly Answer[],
): string {
  const learnedThrough = Math.max(0, ...statusesOf(answers).map((status) => status.learnedThrough));
  const joining = members.filter(
    ({ id, role }) => role === undefined && before.some((each) => each.id === id && each.role === 'learner'),
  );
  const sentences = joining.map(({ id }) => {
    const status = answers.find((answer) => answer.id === id)?.status;
    if (status === undefined) return `replica ${id} does not answer`;
    const { receiving } = status.transfers;
    const slots = `replica ${id} has slots through ${status.appliedThrough} of ${learnedThrough}`;
    if (receiving === undefined) return slots;
    return `${slots}, and ${receiving.receivedBytes} of ${receiving.lengthBytes} bytes of a checkpoint`;
  });
  return sentences.join('; ');
}

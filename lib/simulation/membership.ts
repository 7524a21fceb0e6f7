/**
 * Changes of members in a simulation: what is asked of whoever leads, drawn from the seed. Replicas that are
 * no members yet run beside the others from the start, on stores that were formatted with the first
 * configuration, and those that were removed run on.
 *
 * 1. The core refuses what contract 28 forbids; here everything is asked for, forbidden or not.
 */
import { encodeChange, highestIdOf } from '../paxos/configuration-batch.js';
import { digestOf } from '../storage/crc64.js';
import { BatchKind, type Configuration, type Member, type ReplicaId } from '../types.js';
import { type Clock, TICK_UNITS } from './clock.js';
import type { Observers } from './observer.js';
import type { Random } from './random.js';
import type { SimulatedReplica } from './replica.js';
import type { SimulationOptions } from './simulation.js';

/** What the changes of a simulation came to: a suite of seeds in which one is zero has not tested it. */
export interface MemberCounters {
  /** Members added as learners. */
  learnersAdded: number;
  /** Learners that were made voters. */
  promotions: number;
  /** Voters that were made learners. */
  demotions: number;
  /** Members that were removed. */
  removals: number;
  /** Changes of more than one member at once. */
  setsChanged: number;
  /** Those of them that left no voter in place. */
  wholeSetsChanged: number;
  /** Changes that were asked of a leader which they remove. */
  leadersRemoved: number;
  /** Changes proposed while links are cut. */
  changesInPartitions: number;
  /** Those of them while somebody receives a checkpoint. */
  changesInTransfers: number;
  /** Changes that were refused, by why. */
  refused: number;
  /** For an id that was used before. */
  refusedUsedIds: number;
  /** For a voter that has not caught up. */
  refusedLagging: number;
  /** For a change that was under way. */
  refusedSecond: number;
  /** Configurations that came into force somewhere by a batch. */
  learned: number;
  /** Configurations that came into force somewhere by a checkpoint. */
  installed: number;
  /** Candidates of a configuration that had ended, which were told so. */
  lateCandidates: number;
}

export function newMemberCounters(): MemberCounters {
  return {
    learnersAdded: 0,
    promotions: 0,
    demotions: 0,
    removals: 0,
    setsChanged: 0,
    wholeSetsChanged: 0,
    leadersRemoved: 0,
    changesInPartitions: 0,
    changesInTransfers: 0,
    refused: 0,
    refusedUsedIds: 0,
    refusedLagging: 0,
    refusedSecond: 0,
    learned: 0,
    installed: 0,
    lateCandidates: 0,
  };
}

const VOTERS_MAX = 5;
const SPARES = 5;

/** What a suite of seeds runs with: one to four voters to begin with, and disks that do not rot. */
export function membershipOptions(
  seed: number,
): Pick<SimulationOptions, 'spares' | 'replicas' | 'damage' | 'faults'> {
  const faults = { rotBytes: 0, rotRecord: 0, loseStore: 0 };
  return { spares: SPARES, replicas: 1 + (seed % 4), damage: 'minority', faults };
}

export interface MembershipParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly replicas: readonly SimulatedReplica[];
  readonly observers: Observers;
  readonly counters: MemberCounters;
  readonly isPartitioned: () => boolean;
}

export function storeOf(id: ReplicaId): string {
  return id.toString(16).padStart(32, '0');
}

/** Of a cluster that begins with the ids 1 … `count`. */
export function firstConfiguration(count: number): Configuration {
  const members = Array.from({ length: count }, (_, at) => ({ id: at + 1, storeUuid: storeOf(at + 1) }));
  return { number: 1, members };
}

export class Membership {
  private readonly parts: MembershipParts;
  private ended = false;

  constructor(parts: MembershipParts) {
    this.parts = parts;
  }

  /** Asks for a change every so often. */
  start(): void {
    const { clock, random } = this.parts;
    clock.after(random.between(4, 40) * TICK_UNITS, () => {
      if (this.ended) return;
      this.ask();
      this.start();
    });
  }

  end(): void {
    this.ended = true;
  }

  private ask(): void {
    const { replicas, random } = this.parts;
    const leaders = replicas.filter(({ process }) => process?.core.role === 'leader');
    if (leaders.length === 0) return;
    const leader = random.pick(leaders);
    this.propose(leader);
    // Two ask at once.
    if (random.chance(0.2)) this.propose(leader);
    leader.process!.endTurnSoon();
  }

  private propose(leader: SimulatedReplica): void {
    const { random, observers, counters, replicas } = this.parts;
    const { core } = leader.process!;
    const { configuration } = core.configurations.quorum;
    const members = this.draw(configuration);
    if (members === undefined) return;
    const all = [...configuration.members, ...members];
    const highestId = highestIdOf({ ...configuration, members: all });
    const next = { number: configuration.number + 1, members, highestId };
    const bytes = encodeChange({ ...next, cookie: String(random.below(1000)) });
    const batch = { kind: BatchKind.configuration, digest: digestOf(bytes, 0, bytes.length), bytes };
    const asked = core.reconfiguration.propose(next, batch);
    if (typeof asked !== 'number') {
      counters.refused++;
      if (asked.why === 'id used') counters.refusedUsedIds++;
      if (asked.why === 'not caught up') counters.refusedLagging++;
      if (asked.why === 'another change') counters.refusedSecond++;
      return;
    }
    observers.tell('proposed', leader.id, asked, batch);
    this.count(configuration, next, leader.id);
    if (this.parts.isPartitioned()) counters.changesInPartitions++;
    if (replicas.some(({ isReceiving }) => isReceiving)) counters.changesInTransfers++;
  }

  /** The members of a change of some kind; undefined if that kind cannot be had now. */
  private draw(configuration: Configuration): readonly Member[] | undefined {
    const { random, replicas } = this.parts;
    const { members } = configuration;
    const learners = members.filter(({ role }) => role === 'learner');
    const voters = members.filter(({ role }) => role !== 'learner');
    const others = replicas.filter(({ id }) => !members.some((member) => member.id === id));
    switch (random.pick(['add', 'add', 'add', 'promote', 'promote', 'promote', 'demote', 'remove', 'set'])) {
      case 'add': {
        if (others.length === 0 || learners.length >= 2) return undefined;
        // The lowest id is the next one, unless it is one that was used.
        const { id } = random.chance(0.1)
          ? random.pick(others)
          : others[others.length > 1 ? this.nextOf(others, configuration) : 0]!;
        return [...members, { id, storeUuid: storeOf(id), role: 'learner' }];
      }
      case 'promote': {
        if (learners.length === 0 || voters.length >= VOTERS_MAX) return undefined;
        return changed(members, random.pick(learners).id, undefined);
      }
      case 'demote':
        return voters.length < 2 ? undefined : changed(members, random.pick(voters).id, 'learner');
      case 'remove': {
        const gone = random.pick(members);
        const left = members.filter((member) => member !== gone);
        return left.some(({ role }) => role !== 'learner') ? left : undefined;
      }
      default: {
        const most = Math.min(VOTERS_MAX, members.length);
        if (members.length < 2) return undefined;
        // Learners first, so that now and then no voter stays.
        const pool = random.chance(0.5) ? [...learners, ...voters] : random.sample(members, members.length);
        return pool.slice(0, random.between(1, most)).map(({ id, storeUuid }) => ({ id, storeUuid }));
      }
    }
  }

  private nextOf(others: readonly SimulatedReplica[], configuration: Configuration): number {
    const at = others.findIndex(({ id }) => id > highestIdOf(configuration));
    return Math.max(at, 0);
  }

  private count(before: Configuration, next: Configuration, leader: ReplicaId): void {
    const { counters } = this.parts;
    const roleIn = ({ members }: Configuration, id: ReplicaId): 'voter' | 'learner' | 'none' => {
      const member = members.find((each) => each.id === id);
      return member === undefined ? 'none' : (member.role ?? 'voter');
    };
    let changes = 0;
    for (const id of new Set([...before.members, ...next.members].map((member) => member.id))) {
      const [was, is] = [roleIn(before, id), roleIn(next, id)];
      if (was === is) continue;
      changes++;
      if (was === 'none') counters.learnersAdded++;
      else if (is === 'none') counters.removals++;
      else if (is === 'voter') counters.promotions++;
      else counters.demotions++;
    }
    if (changes > 1) counters.setsChanged++;
    const stays = before.members.some(({ id, role }) => role !== 'learner' && roleIn(next, id) === 'voter');
    if (!stays) counters.wholeSetsChanged++;
    if (roleIn(next, leader) !== 'voter') counters.leadersRemoved++;
  }
}

function changed(members: readonly Member[], id: ReplicaId, role: 'learner' | undefined): Member[] {
  return members.map((member) => {
    if (member.id !== id) return member;
    const { storeUuid } = member;
    return role === undefined ? { id, storeUuid } : { id, storeUuid, role };
  });
}

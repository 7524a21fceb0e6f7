/**
 * Which configuration governs a slot: out of a checkpoint and what was learned behind it. A configuration
 * ends with the slot in which its stop-sign is chosen: a batch with the next configuration.
 *
 * 1. A slot has one configuration, fixed by what was chosen in the slots below it (contract 27): a batch that
 *    does not bear the number next to that of its slot's configuration says nothing.
 * 2. A ballot has one quorum, that of its first slot: who begins a canvass, a campaign or a lead takes it
 *    then, and ends when that slot's configuration does.
 * 3. Ballots of a configuration are above the ballot at which its stop-sign was learned, so that what lower
 *    ones proposed behind it never outdoes them.
 */
import { invariant } from '../contract.js';
import {
  type Ballot,
  type Batch,
  BatchKind,
  type Configuration,
  type ReplicaId,
  type Slot,
} from '../types.js';
import { NO_BALLOT } from './ballot.js';
import { decodeChange, sameMember } from './configuration-batch.js';
import { Quorum } from './quorum.js';

/** A configuration, and the slots and ballots it governs: to where the next one begins. */
export interface Governing {
  readonly configuration: Configuration;
  readonly from: Slot;
  readonly above: Ballot;
}

export class Configurations {
  /** Every member but this replica, of the configuration in force: this list itself changes with it. */
  readonly peers: readonly ReplicaId[];
  private readonly self: ReplicaId;
  /** By rising slots; the last one is in force. */
  private readonly known: Governing[];
  private inForce: Quorum;

  /** @param start the configuration of the first slot behind the checkpoint that the state comes from */
  constructor(self: ReplicaId, configuration: Configuration, from: Slot = 1, above: Ballot = NO_BALLOT) {
    this.self = self;
    this.known = [{ configuration, from, above }];
    this.inForce = new Quorum(configuration);
    this.peers = [];
    this.callPeers(configuration);
  }

  /** Of the configuration that governs the first slot not learned. */
  get quorum(): Quorum {
    return this.inForce;
  }
  /** The configuration in force. */
  get current(): Governing {
    return this.known[this.known.length - 1]!;
  }
  get number(): number {
    return this.inForce.configuration.number;
  }
  /** Ballots of the configuration in force are above this one. */
  get above(): Ballot {
    return this.current.above;
  }

  /** What governs `slot`, which is above the checkpoint in force and at most the first one not learned. */
  at(slot: Slot): Governing {
    for (let at = this.known.length - 1; at > 0; at--)
      if (this.known[at]!.from <= slot) return this.known[at]!;
    const [oldest] = this.known;
    invariant(oldest!.from <= slot, 27, `the configuration of slot ${slot} is forgotten`);
    return oldest!;
  }

  /** True if `batch`, chosen in a slot of the configuration in force, ends it. */
  isStop(batch: Batch): boolean {
    if (batch.kind !== BatchKind.configuration) return false;
    const change = decodeChange(batch.bytes);
    invariant(
      change !== undefined,
      27,
      'who the members are from here on this program cannot read; upgrade it',
    );
    return change.number === this.number + 1;
  }

  /**
   * Whether `candidate` may lead in configuration `number`: `late` in one that has ended. Of a later one this
   * replica cannot know the voters, and believes it.
   */
  judge(candidate: ReplicaId, number: number): 'voter' | 'late' | 'stranger' {
    if (number < this.number) return 'late';
    return number > this.number || this.inForce.has(candidate) ? 'voter' : 'stranger';
  }

  /** The stop-sign of the configuration in force was learned in `slot`, at `ballot`. @returns its cookie */
  stopped(slot: Slot, ballot: Ballot, batch: Batch): string {
    const { cookie, ...configuration } = decodeChange(batch.bytes)!;
    invariant(slot >= this.current.from, 27, 'configurations follow one another');
    this.begin({ configuration, from: slot + 1, above: ballot });
    return cookie;
  }

  /** A checkpoint brings the configuration of the slot behind it. @returns true if that is a later one. */
  installed(governing: Governing): boolean {
    const { configuration } = governing;
    if (configuration.number < this.number) return false;
    if (configuration.number > this.number) {
      this.known.length = 0;
      this.begin(governing);
      return true;
    }
    const same = configuration.members.every((member) => sameMember(this.inForce.configuration, member));
    invariant(same, 27, `configuration ${configuration.number} has other members elsewhere`);
    return false;
  }

  /** Nobody asks any more about slots through `through`. */
  forget(through: Slot): void {
    while (this.known.length > 1 && this.known[1]!.from <= through + 1) this.known.shift();
  }

  private begin(governing: Governing): void {
    this.known.push(governing);
    this.inForce = new Quorum(governing.configuration);
    this.callPeers(governing.configuration);
  }

  private callPeers({ members }: Configuration): void {
    const peers = this.peers as ReplicaId[];
    peers.length = 0;
    for (const { id } of members) if (id !== this.self) peers.push(id);
  }
}

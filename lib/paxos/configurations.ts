/**
 * Which configuration governs a slot: asked for by whoever counts members, when a ballot begins.
 *
 * 1. A slot has one configuration (contract 27).
 * 2. A ballot has one quorum, that of its first slot: who begins a canvass, a campaign or a lead takes it
 *    then.
 */
import type { Configuration, ReplicaId } from '../types.js';
import { Quorum } from './quorum.js';

export class Configurations {
  /** Every member but this replica, of the configuration in force: this list itself changes with it. */
  readonly peers: readonly ReplicaId[];
  private readonly inForce: Quorum;

  constructor(self: ReplicaId, configuration: Configuration) {
    this.inForce = new Quorum(configuration);
    this.peers = configuration.members.map(({ id }) => id).filter((id) => id !== self);
  }

  /** Of the configuration that governs the first slot not learned. */
  get quorum(): Quorum {
    return this.inForce;
  }
}

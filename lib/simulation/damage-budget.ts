/**
 * How much may rot: of each slot the copies of at most a minority of the replicas, a lost store counting
 * for every slot; or, to see a cluster stop and say why, of a slot all of them. Stores are lost by a
 * minority at most in either case: without a majority that may vote there is nothing to see.
 */
import type { ReplicaId, Slot } from '../types.js';

/** Copies that may be damaged at a time. */
export type DamageBound = 'minority' | 'any';

/** What the budget has to know of a replica. */
export interface Damageable {
  readonly id: ReplicaId;
  readonly isLost: boolean;
  readonly damagedSlots: readonly Slot[];
}

export class DamageBudget {
  private readonly replicas: readonly Damageable[];
  private readonly minority: number;
  private readonly copiesMax: number;

  constructor(replicas: readonly Damageable[], bound: DamageBound) {
    this.replicas = replicas;
    this.minority = Math.floor((replicas.length - 1) / 2);
    this.copiesMax = bound === 'minority' ? this.minority : replicas.length;
  }

  /** Whether the copies of `slots` at `victim` may be damaged now. */
  admits(victim: Damageable, slots: readonly Slot[]): boolean {
    const damaged = this.damagedBeside(victim);
    return slots.every((slot) => damaged(slot) + 1 <= this.copiesMax);
  }

  /** Whether the store of `victim` may be lost now. */
  admitsLoss(victim: Damageable): boolean {
    const others = this.replicas.filter(({ id }) => id !== victim.id);
    if (victim.isLost || others.filter(({ isLost }) => isLost).length + 1 > this.minority) return false;
    return this.admits(
      victim,
      others.flatMap(({ damagedSlots }) => damagedSlots),
    );
  }

  /** How many other replicas have lost something of a slot. */
  private damagedBeside(victim: Damageable): (slot: Slot) => number {
    const others = this.replicas
      .filter(({ id }) => id !== victim.id)
      .map(({ isLost, damagedSlots }) => ({ isLost, slots: new Set(damagedSlots) }));
    return (slot) => others.filter(({ isLost, slots }) => isLost || slots.has(slot)).length;
  }
}

/** Ways to cut a network, each by removing links, one direction at a time. */
import type { ReplicaId } from '../types.js';

import type { Random } from './random.js';

/** What has links that can be cut, one direction at a time. */
export interface Cuttable {
  cutLink(from: ReplicaId, to: ReplicaId): void;
}

function cutBoth(network: Cuttable, a: ReplicaId, b: ReplicaId): void {
  network.cutLink(a, b);
  network.cutLink(b, a);
}

/** Two sides that do not hear each other. */
export function cutSymmetric(network: Cuttable, random: Random, ids: readonly ReplicaId[]): void {
  const side = new Set(random.sample(ids, random.between(1, ids.length - 1)));
  for (const a of side) for (const b of ids) if (!side.has(b)) cutBoth(network, a, b);
}

/** Nobody hears `one`, and it hears nobody. */
export function isolate(network: Cuttable, one: ReplicaId, ids: readonly ReplicaId[]): void {
  for (const other of ids) if (other !== one) cutBoth(network, one, other);
}

/** One replica is heard and does not hear, or the other way round, towards some of the others. */
export function cutOneWay(network: Cuttable, random: Random, ids: readonly ReplicaId[]): void {
  const one = random.pick(ids);
  const hears = random.chance(0.5);
  for (const other of ids) {
    if (other === one || random.chance(0.3)) continue;
    if (hears) network.cutLink(one, other);
    else network.cutLink(other, one);
  }
}

/**
 * A chain, or a star: most replicas see only one or two neighbours, so that no one, or only one, sees a
 * quorum.
 */
export function cutChained(network: Cuttable, random: Random, ids: readonly ReplicaId[]): void {
  const order = random.sample(ids, ids.length);
  const star = random.chance(0.5);
  for (let a = 0; a < order.length; a++) {
    for (let b = a + 1; b < order.length; b++) {
      const linked = star ? a === 0 : b === a + 1;
      if (!linked) cutBoth(network, order[a]!, order[b]!);
    }
  }
}

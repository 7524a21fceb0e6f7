/**
 * Where the members are reached: what the configuration in force says of each, and for whom it says nothing,
 * what this replica was started with.
 */
import { parseAddress } from '../transport/address.js';
import type { Configuration, ReplicaId } from '../types.js';

export class MemberAddresses {
  /** By id; changes with the configuration, and is read at every dial. */
  readonly map: ReadonlyMap<ReplicaId, string>;
  private readonly given: ReadonlyMap<ReplicaId, string>;

  /** @param given what this replica was started with */
  constructor(given: ReadonlyMap<ReplicaId, string>, configuration: Configuration) {
    this.given = given;
    this.map = new Map(given);
    this.configured(configuration);
  }

  /** Another configuration is in force. Whom it does not name is still found, as it was started with. */
  configured({ members }: Configuration): void {
    const map = this.map as Map<ReplicaId, string>;
    map.clear();
    for (const [id, address] of this.given) map.set(id, address);
    for (const { id, address } of members)
      if (address !== undefined && isAddress(address)) map.set(id, address);
  }
}

/** What a peer has voted for need not be one. */
function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where the members are reached: what the configuration in force says of each, and for whom it says nothing,
 * what this replica was told by whoever started it.
 */
import { parseAddress } from '../transport/address.js';
import type { Configuration, ReplicaId } from '../types.js';

export class MemberAddresses {
  /** By id; read at every dial. */
  readonly map: ReadonlyMap<ReplicaId, string> = new Map();
  private given: ReadonlyMap<ReplicaId, string>;
  private configuration: Configuration;

  /** @param given what this replica was started with */
  constructor(given: ReadonlyMap<ReplicaId, string>, configuration: Configuration) {
    this.given = given;
    this.configuration = configuration;
    this.combine();
  }

  /** Another configuration is in force. Whom it does not name is still found, as this replica was told. */
  configured(configuration: Configuration): void {
    this.configuration = configuration;
    this.combine();
  }

  /** Takes the place of what this replica was started with. @throws ERR_INDELIBLE_NETWORK for no address */
  use(given: ReadonlyMap<ReplicaId, string>): void {
    for (const address of given.values()) parseAddress(address);
    this.given = new Map(given);
    this.combine();
  }

  private combine(): void {
    const map = this.map as Map<ReplicaId, string>;
    map.clear();
    for (const [id, address] of this.given) map.set(id, address);
    for (const { id, address } of this.configuration.members)
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

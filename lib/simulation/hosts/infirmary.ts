/** Who is well, and who is connected with whom: the view of the cluster that availability.ts judges by. */
import type { ReplicaId } from '../../types.js';
import type { CutHealth } from './serving.js';
import type { SimulatedHost } from './simulated-host.js';
import type { SocketNetwork } from './socket-network.js';

/** A message may take this share of an election timeout in weather that counts as fair. */
const FAIR_SHARE = 0.02;
/** Bytes that a wire of fair weather passes in a millisecond, at least. */
const FAIR_BYTES_PER_MS = 10_000;

export class Infirmary implements CutHealth {
  private readonly hosts: readonly SimulatedHost[];
  private readonly network: SocketNetwork;
  private readonly electionMs: number;

  constructor(hosts: readonly SimulatedHost[], network: SocketNetwork, electionMs: number) {
    this.hosts = hosts;
    this.network = network;
    this.electionMs = electionMs;
  }

  isWell(replica: ReplicaId): boolean {
    return this.hosts[replica - 1]!.isWell;
  }

  isConnected(one: ReplicaId, other: ReplicaId): boolean {
    const { wires } = this.network;
    const { weather } = wires;
    const isFair =
      weather.loss === 0 &&
      weather.latencyMs + weather.jitterMs <= this.electionMs * FAIR_SHARE &&
      weather.bytesPerMs >= FAIR_BYTES_PER_MS;
    if (!isFair) return false;
    return this.passes(one, other) && this.passes(other, one) && this.network.isFlowing(one, other);
  }

  isCut(one: ReplicaId, other: ReplicaId): boolean {
    const { wires } = this.network;
    return !wires.passes(one, other) && !wires.passes(other, one);
  }

  describe(): string {
    const states = this.hosts.map(({ id, process }) => process?.description ?? `${id}: not up`);
    return states.join('; ');
  }

  private passes(from: ReplicaId, to: ReplicaId): boolean {
    const { wires } = this.network;
    const hears = this.hosts[to - 1]!.process?.peers.has(from) === true;
    return hears && wires.passes(from, to) && !wires.isNarrow(from, to);
  }
}

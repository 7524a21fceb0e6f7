/**
 * What clients have asked of one replica and not yet been told: proposals by slot, reads by number.
 *
 * 1. A write is answered once: done when its batch has been executed in the slot it was proposed in, not
 *    executed when another batch was, and otherwise never (the outcome is unknown).
 * 2. A read is answered from a state that has applied what the core asks for.
 */
import type { ReplicaCore } from '../paxos/replica.js';
import type { Digest, Slot } from '../types.js';
import type { Counters } from './counters.js';
import { batchOf, type ToyMachine } from './machine.js';
import type { Observers, Operation } from './observer.js';
import { must } from './violation.js';

interface Proposal {
  readonly digest: Digest;
  readonly writes: readonly Operation[];
}

export class Requests {
  private readonly core: ReplicaCore;
  private readonly observers: Observers;
  private readonly counters: Counters;
  private readonly proposals = new Map<Slot, Proposal[]>();
  private readonly reads = new Map<number, Operation>();
  private ready: { readonly slot: Slot; readonly operation: Operation }[] = [];

  constructor(core: ReplicaCore, observers: Observers, counters: Counters) {
    this.core = core;
    this.observers = observers;
    this.counters = counters;
  }

  /** Proposes `writes` as one batch. False if the replica takes none now. */
  write(writes: readonly Operation[], paddingBytes: number): boolean {
    const batch = batchOf(writes, paddingBytes);
    const slot = this.core.propose(batch);
    if (slot === 0) return false;
    for (const write of writes) this.observers.tell('asked', write);
    const proposal = { digest: batch.digest, writes };
    this.proposals.set(slot, [...(this.proposals.get(slot) ?? []), proposal]);
    return true;
  }

  /** Asks for a read. False if the replica does not lead. */
  read(operation: Operation): boolean {
    this.reads.set(operation.id, operation);
    this.observers.tell('asked', operation);
    if (this.core.read(operation.id)) return true;
    this.reads.delete(operation.id);
    return false;
  }

  readReady(readId: number, slot: Slot): void {
    const operation = this.reads.get(readId);
    must(operation !== undefined, 'outcome', () => `read ${readId} became ready without having been asked`);
    this.reads.delete(readId);
    this.ready.push({ slot, operation });
  }

  readsLost(throughReadId: number): void {
    for (const id of this.reads.keys()) {
      if (id > throughReadId) continue;
      this.reads.delete(id);
      this.counters.readsLost++;
    }
  }

  /** The state machine has executed the batch of `digest` in `slot`. */
  executed(slot: Slot, digest: Digest): void {
    const proposals = this.proposals.get(slot);
    if (proposals === undefined) return;
    this.proposals.delete(slot);
    for (const proposal of proposals) {
      const { writes } = proposal;
      if (proposal.digest === digest) {
        for (const write of writes) this.observers.tell('wrote', write, slot);
        this.counters.commandsDone += writes.length;
      } else {
        for (const write of writes) this.observers.tell('notExecuted', write);
        this.counters.commandsLost += writes.length;
      }
    }
  }

  /**
   * A checkpoint has taken the place of every slot through `through`: what became of them is not known here.
   */
  overtaken(through: Slot): void {
    for (const [slot, proposals] of this.proposals) {
      if (slot > through) continue;
      for (const { writes } of proposals) this.counters.commandsUnknown += writes.length;
      this.proposals.delete(slot);
    }
  }

  /** Answers the reads that `machine` has applied enough for. */
  answerReads(machine: ToyMachine): void {
    if (this.ready.length === 0) return;
    this.ready = this.ready.filter(({ slot, operation }) => {
      if (slot > machine.appliedThrough) return true;
      this.observers.tell('read', operation, machine.read(operation.key));
      this.counters.readsDone++;
      return false;
    });
  }

  /** The replica dies: nobody is told anything any more. */
  die(): void {
    this.overtaken(Number.POSITIVE_INFINITY);
    this.counters.readsLost += this.reads.size + this.ready.length;
  }
}

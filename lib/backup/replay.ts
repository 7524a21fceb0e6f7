/**
 * A history executed offline, slot by slot, on a state machine of one's own.
 *
 * 1. What is executed is what every replica executed: the same batches in the same order at the same times,
 *    and nothing of what was skipped, also where the record of the skip lies behind the last slot asked for.
 * 2. The chain over the batches' digests is carried along, so that two histories can be told apart before
 *    their states are (contract 15).
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { extendChain } from '../paxos/chain.js';
import { readBatchHeader } from '../replica/batch.js';
import { Executor } from '../replica/executor.js';
import { checkMachine } from '../replica/machine-calls.js';
import { SessionTable } from '../replica/sessions/session-table.js';
import { isSkipRecord, readSkipRecord } from '../replica/skip-record.js';
import { digestOfAll, restoreImage } from '../replica/state-image.js';
import type { StateMachine } from '../replica/state-machine.js';
import { type Batch, BatchKind, type Digest, type Slot } from '../types.js';
import type { History } from './history.js';

/** How far a history is gone through: a slot, or the last slot whose commands are not of after a time. */
export type Through = { readonly slot: Slot } | { readonly timeMs: number };

export class Replay {
  readonly history: History;
  readonly machine: StateMachine;
  /** Those of the cluster, as of the same slot. */
  readonly sessions: SessionTable = new SessionTable();
  private readonly executor: Executor;
  private chained: Digest;

  /**
   * Puts the machine, which is in its initial state, where the history begins.
   * @throws ERR_INDELIBLE_STATE_MACHINE where it does not take that state; TypeError where it is none
   */
  constructor(history: History, machine: StateMachine) {
    checkMachine(machine);
    this.history = history;
    this.machine = machine;
    const { throughSlot: through, timeMs, ballot, chainDigest } = history.meta;
    if (through > 0) restoreImage(this, history);
    this.executor = new Executor(
      machine,
      ballot === undefined ? { through, timeMs } : { through, timeMs, ballot },
      this.sessions,
    );
    this.chained = chainDigest as Digest;
    const { skips } = this.executor;
    for (let slot = through + 1; slot <= history.throughSlot; slot++)
      skips.see(slot, history.batch(slot), through);
  }

  /** The state is that after this slot. */
  get slot(): Slot {
    return this.executor.appliedThrough;
  }
  /** Replicated time there, in milliseconds since 1970. */
  get timeMs(): number {
    return this.executor.timeMs;
  }
  /** The digest chain there. */
  get chain(): Digest {
    return this.chained;
  }
  get isAtEnd(): boolean {
    return this.slot >= this.history.throughSlot;
  }
  /** As replicas give it; undefined if the machine gives none. @throws ERR_INDELIBLE_STATE_MACHINE */
  get stateDigest(): string | undefined {
    return digestOfAll(this, this.slot);
  }

  /** Executes the next slot. @throws ERR_INDELIBLE_STATE_MACHINE where the machine throws at it */
  step(): void {
    const slot = this.slot + 1;
    const batch = this.history.batch(slot);
    this.executor.apply(slot, batch);
    const { halt } = this.executor;
    if (halt !== undefined) {
      const sentence = `${halt.error.message} (command ${halt.ordinal}): go through slot ${slot - 1}, or use a mended program`;
      throw new IndelibleError(ErrorCode.stateMachine, sentence, { cause: halt.error });
    }
    this.chained = extendChain(this.chained, slot, batch.digest);
  }

  run(through: Slot): void {
    while (this.slot < through) this.step();
  }
}

/** When a batch was proposed; undefined of one without commands. */
function stampMsOf(batch: Batch): number | undefined {
  if (isSkipRecord(batch)) return readSkipRecord(batch.bytes).timeMs;
  return batch.kind === BatchKind.commands ? readBatchHeader(batch.bytes).timeMs : undefined;
}

/**
 * The slot that is meant; without a wish the last one.
 * @throws RangeError for one that the history does not reach, with what it does
 */
export function slotThrough(history: History, wish: Through | undefined): Slot {
  const { throughSlot: first, timeMs } = history.meta;
  if (wish === undefined) return history.throughSlot;
  const reach = `${history.path} reaches from slot ${first} (${isoTime(timeMs)}) through slot ${history.throughSlot}`;
  if ('slot' in wish) {
    if (wish.slot >= first && wish.slot <= history.throughSlot) return wish.slot;
    throw argumentError(`slot ${wish.slot} cannot be had: ${reach}`);
  }
  if (first > 0 && wish.timeMs < timeMs)
    throw argumentError(`${isoTime(wish.timeMs)} cannot be had: ${reach}`);
  let slot = first;
  while (slot < history.throughSlot && (stampMsOf(history.batch(slot + 1)) ?? 0) <= wish.timeMs) slot++;
  return slot;
}

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

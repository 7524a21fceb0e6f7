/**
 * Checkpoints of one simulated replica: taking them, trimming behind them, sending them to peers that need
 * slots forgotten here, and taking a peer's in place of one's own state.
 *
 * 1. A checkpoint is on the disk, whole, before anything is trimmed or forgotten because of it (contracts
 *    24, 25).
 * 2. A peer's is installed only if it is newer than the state (contract 26).
 */
import type { CheckpointChunk, CheckpointFetch } from '../paxos/messages.js';
import type { Digest, ReplicaId, Slot } from '../types.js';
import type { SavedCheckpoint } from './disk.js';
import { ToyMachine } from './machine.js';
import type { Surroundings } from './surroundings.js';

/** What the checkpoints need of the process they belong to. */
export interface CheckpointHost {
  readonly id: ReplicaId;
  readonly machine: ToyMachine;
  readonly chain: Digest;
  readonly usedShare: number;
  /** Slots through this one are applied and in no log any more; 0 for none. */
  readonly wantsCheckpointThrough: Slot;
  /** Runs `run` later, unless the process has died by then. */
  later(delay: number, run: () => void): void;
  /** The newest checkpoint on the disk. */
  saved: SavedCheckpoint;
  trim(through: Slot, checkpointId: number): void;
  install(checkpoint: SavedCheckpoint, machine: ToyMachine): void;
  send(to: ReplicaId, message: CheckpointFetch | CheckpointChunk): void;
}

interface Transfer {
  readonly from: ReplicaId;
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly lengthBytes: number;
  readonly bytes: Uint8Array;
  received: number;
  silentTicks: number;
}

const CHAIN_BYTES = 8;
/** Ticks without a chunk after which it is asked for again, and after which the transfer is given up. */
const ASK_AGAIN_TICKS = 4;
const GIVE_UP_TICKS = 15;

export class Checkpoints {
  private readonly host: CheckpointHost;
  private readonly around: Surroundings;
  private transfer: Transfer | undefined;
  private saving = false;

  constructor(host: CheckpointHost, around: Surroundings) {
    this.host = host;
    this.around = around;
  }

  /** Takes a checkpoint if it is time for one. */
  consider(): void {
    const { host, around } = this;
    const { everySlots, usedShareMax } = around.checkpoints;
    const behind = host.machine.appliedThrough - host.saved.through;
    const { wantsCheckpointThrough } = host;
    // What no log has any more is in this checkpoint: nobody can catch up from the log through there.
    if (wantsCheckpointThrough > 0 && wantsCheckpointThrough <= host.saved.through) {
      return host.trim(wantsCheckpointThrough, host.saved.id);
    }
    const isDue = behind >= everySlots || host.usedShare >= usedShareMax || wantsCheckpointThrough > 0;
    if (this.saving || behind < 1 || !isDue) return;
    this.saving = true;
    const bytes = new Uint8Array(CHAIN_BYTES + host.machine.save().length);
    new DataView(bytes.buffer).setFloat64(0, host.chain, true);
    bytes.set(host.machine.save(), CHAIN_BYTES);
    const through = host.machine.appliedThrough;
    this.write({ id: through, through, chain: host.chain, bytes }, () => {
      around.counters.checkpoints++;
      const kept = host.usedShare < usedShareMax ? around.checkpoints.keptSlots : 0;
      if (through > kept) host.trim(through - kept, through);
    });
  }

  tick(): void {
    const { transfer } = this;
    if (transfer === undefined) return;
    transfer.silentTicks++;
    if (transfer.silentTicks >= GIVE_UP_TICKS) this.transfer = undefined;
    else if (transfer.silentTicks % ASK_AGAIN_TICKS === 0) this.ask(transfer);
  }

  /** The core needs a checkpoint that `from` has. */
  need(from: ReplicaId, checkpointId: number, throughSlot: Slot, lengthBytes: number): void {
    if (this.transfer !== undefined) return;
    const bytes = new Uint8Array(lengthBytes);
    this.transfer = { from, checkpointId, throughSlot, lengthBytes, bytes, received: 0, silentTicks: 0 };
    this.ask(this.transfer);
  }

  onFetch(from: ReplicaId, { checkpointId, throughSlot, offset }: CheckpointFetch): void {
    const { saved } = this.host;
    const has = saved.id === checkpointId && offset < saved.bytes.length;
    const end = offset + this.around.checkpoints.chunkBytes;
    this.host.send(from, {
      type: 'checkpointChunk',
      checkpointId,
      throughSlot,
      offset,
      lengthBytes: has ? saved.bytes.length : offset + 1,
      bytes: has ? saved.bytes.subarray(offset, end) : new Uint8Array(0),
    });
  }

  onChunk(from: ReplicaId, chunk: CheckpointChunk): void {
    const { transfer } = this;
    if (transfer === undefined || from !== transfer.from || chunk.checkpointId !== transfer.checkpointId)
      return;
    if (chunk.offset !== transfer.received) return;
    if (chunk.bytes.length === 0 || chunk.lengthBytes !== transfer.lengthBytes) {
      this.transfer = undefined;
      return;
    }
    transfer.bytes.set(chunk.bytes, chunk.offset);
    transfer.received += chunk.bytes.length;
    transfer.silentTicks = 0;
    if (transfer.received < transfer.lengthBytes) return this.ask(transfer);
    this.transfer = undefined;
    const { checkpointId: id, throughSlot: through, bytes } = transfer;
    const chain = new DataView(bytes.buffer).getFloat64(0, true) as Digest;
    this.write({ id, through, chain, bytes }, (checkpoint) => this.install(checkpoint));
  }

  private install(checkpoint: SavedCheckpoint): void {
    const { host } = this;
    if (checkpoint.through <= host.machine.appliedThrough) return;
    host.install(checkpoint, ToyMachine.load(checkpoint.bytes.subarray(CHAIN_BYTES)));
    this.around.counters.stateTransfers++;
    host.trim(checkpoint.through, checkpoint.id);
  }

  /** Writes a checkpoint to the disk; it is there, whole, some time later. An older one is never put back. */
  private write(checkpoint: SavedCheckpoint, then: (checkpoint: SavedCheckpoint) => void): void {
    this.host.later(this.around.random.between(1, this.around.checkpoints.saveDelayMax), () => {
      this.saving = false;
      if (checkpoint.through <= this.host.saved.through) return;
      this.host.saved = checkpoint;
      // A crash in between leaves a checkpoint that nothing has come of.
      this.host.later(this.around.random.below(20), () => then(checkpoint));
    });
  }

  private ask({ from, checkpointId, throughSlot, received }: Transfer): void {
    this.host.send(from, { type: 'checkpointFetch', checkpointId, throughSlot, offset: received });
  }
}

/** Restores a machine from what is on the disk. */
export function loadCheckpoint({ bytes }: SavedCheckpoint): ToyMachine {
  return bytes.length === 0 ? new ToyMachine() : ToyMachine.load(bytes.subarray(CHAIN_BYTES));
}

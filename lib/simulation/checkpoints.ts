/**
 * Checkpoints of one simulated replica: taking them, trimming behind them, sending them to peers that need
 * slots forgotten here, and taking a peer's in place of one's own state. What is asked of whom, and what is
 * kept for a receiver, is decided by the production code (replica/incoming.ts, replica/pins.ts).
 *
 * 1. A checkpoint is on the disk, whole, before anything is trimmed or forgotten because of it (contracts
 *    24, 25).
 * 2. A peer's is installed only if it is newer than the state (contract 26); it becomes the state first, and
 *    is on the disk a moment later.
 */
import { decodeChange, encodeChange } from '../paxos/configuration-batch.js';
import type { Governing } from '../paxos/configurations.js';
import type { CheckpointChunk, CheckpointFetch, CheckpointOffer, Message } from '../paxos/messages.js';
import { Incoming, type IncomingPace } from '../replica/incoming.js';
import { Pins } from '../replica/pins.js';
import type { Ballot, Digest, ReplicaId, Slot } from '../types.js';
import type { CheckpointShelf, SavedCheckpoint } from './disk.js';
import { ToyMachine } from './machine.js';
import type { Surroundings } from './surroundings.js';

/** What the checkpoints need of the process they belong to. */
export interface CheckpointHost {
  readonly id: ReplicaId;
  readonly machine: ToyMachine;
  readonly chain: Digest;
  /** What governs the slot behind the state. */
  readonly governing: Governing;
  /** Every other member, as far as is known. */
  readonly peers: readonly ReplicaId[];
  readonly usedShare: number;
  readonly trimThrough: Slot;
  readonly learnedThrough: Slot;
  /** Slots through this one are applied and in no log any more; 0 for none. */
  readonly wantsCheckpointThrough: Slot;
  /** What is on the disk. */
  readonly shelf: CheckpointShelf;
  /** What a peer is known to have learned. */
  learnedOf(peer: ReplicaId): Slot;
  /** Runs `run` later, unless the process has died by then. */
  later(delay: number, run: () => void): void;
  trim(through: Slot, checkpointId: number): void;
  install(checkpoint: SavedCheckpoint, machine: ToyMachine, from: ReplicaId): void;
  send(to: ReplicaId, message: Message): void;
}

/** Chain digest, ballot above which its ballots are, length of the configuration. */
const HEAD_BYTES = 20;
const NO_BYTES = new Uint8Array(0);
const DIGEST_HALF = 2 ** 26;
/** Who lacks no more slots than this has caught up. */
const CAUGHT_UP_SLOTS = 4;
const PACE: Omit<IncomingPace, 'chunkBytes'> = {
  windowChunksMax: 8,
  quickTicks: 1,
  slowTicks: 3,
  askAgainTicks: 4,
  lostTicks: 10,
  missedTicksMax: 10,
  giveUpTicks: 30,
};

export class Checkpoints {
  private readonly host: CheckpointHost;
  private readonly around: Surroundings;
  private readonly pins = new Pins<SavedCheckpoint>();
  private incoming: Incoming | undefined;
  private changes = 0;
  private saving = false;
  /** The log has refused a vote and nothing has been forgotten since. */
  private refused = false;

  constructor(host: CheckpointHost, around: Surroundings) {
    this.host = host;
    this.around = around;
  }

  /** The log had no room for a vote: room must be made now, whatever share is in use. */
  logRefused(): void {
    this.refused = true;
  }

  /** Takes a checkpoint if it is time for one. */
  consider(): void {
    const { host, around } = this;
    const { everySlots, usedShareMax } = around.checkpoints;
    const { saved } = host.shelf;
    this.forget();
    const behind = host.machine.appliedThrough - saved.through;
    const { wantsCheckpointThrough } = host;
    const isWanted = wantsCheckpointThrough > saved.through;
    const isDue = behind >= everySlots || this.refused || host.usedShare >= usedShareMax || isWanted;
    if (this.saving || behind < 1 || !isDue) return;
    const { governing } = host;
    const bytes = saveCheckpoint(host.chain, governing, host.machine.save());
    const through = host.machine.appliedThrough;
    const { random } = around;
    const digest = random.below(DIGEST_HALF) * DIGEST_HALF + random.below(DIGEST_HALF);
    this.write({ id: through, through, chain: host.chain, governing, digest, bytes }, () => {
      around.counters.checkpoints++;
      this.forget();
    });
  }

  tick(): void {
    const { host } = this;
    const near = Math.max(host.shelf.saved.through, host.learnedThrough - CAUGHT_UP_SLOTS);
    this.pins.tick(near, (peer) => host.learnedOf(peer));
    const { incoming } = this;
    if (incoming === undefined) return;
    const verdict = incoming.tick();
    this.countChanges(incoming);
    const isObsolete = incoming.wanted.throughSlot <= host.machine.appliedThrough;
    if (verdict === 'goes on' && !isObsolete) return;
    this.incoming = undefined;
    if (isObsolete || verdict === 'begin another') host.shelf.partial = undefined;
    const { offered } = incoming;
    if (!isObsolete && verdict === 'begin another' && offered !== undefined)
      this.begin(offered.from, offered.offer);
  }

  /** The core needs a checkpoint that `from` has. */
  need(from: ReplicaId, offer: CheckpointOffer): void {
    if (this.incoming !== undefined) this.incoming.offer(from, offer);
    else if (!this.saving) this.begin(from, offer);
  }

  offer(to: ReplicaId): void {
    const { id, through, digest, bytes } = this.pins.of(to) ?? this.host.shelf.saved;
    // What a store is formatted with is no file: nobody takes it.
    if (bytes.length === 0) return;
    this.host.send(to, {
      type: 'checkpointOffer',
      checkpointId: id,
      throughSlot: through,
      digest: digest as Digest,
      lengthBytes: bytes.length,
    });
  }

  onFetch(from: ReplicaId, { checkpointId, throughSlot, digest, offset, bytesMax }: CheckpointFetch): void {
    const { host, pins } = this;
    const { saved, older } = host.shelf;
    const file = [saved, pins.of(from), older].find((each) => each?.digest === digest);
    const name = { type: 'checkpointChunk', checkpointId, throughSlot, digest, offset } as const;
    if (file === undefined || throughSlot < host.trimThrough) {
      pins.end(from);
      host.send(from, { ...name, lengthBytes: 0, bytes: NO_BYTES });
      return this.offer(from);
    }
    const bytes = file.bytes.subarray(offset, offset + bytesMax);
    if (bytes.length === 0) return;
    pins.sends(from, file, throughSlot, offset + bytes.length, () => () => {});
    host.send(from, { ...name, lengthBytes: file.bytes.length, bytes });
  }

  onChunk(from: ReplicaId, chunk: CheckpointChunk): void {
    const { incoming } = this;
    if (incoming === undefined) return;
    incoming.chunk(from, chunk);
    this.countChanges(incoming);
  }

  /** Begins to receive what is offered, or goes on with what an earlier transfer, or life, has left. */
  private begin(from: ReplicaId, offer: CheckpointOffer): void {
    const { host, around } = this;
    const { shelf } = host;
    const left = shelf.partial;
    const goesOn = left !== undefined && left.wanted.throughSlot > host.machine.appliedThrough;
    if (!goesOn) shelf.partial = { wanted: offer, bytes: new Uint8Array(offer.lengthBytes), received: 0 };
    const partial = shelf.partial!;
    if (goesOn) around.counters.transfersResumed++;
    const { peers } = host;
    const incoming: Incoming = new Incoming(
      partial.wanted,
      from,
      partial.received,
      {
        peers,
        ask: (to, message) => host.send(to, message),
        store: (at, bytes) => {
          partial.bytes.set(bytes, at);
          // The disk takes its time.
          host.later(around.random.between(1, 20), () => {
            if (this.incoming !== incoming) return;
            partial.received = Math.max(partial.received, at + bytes.length);
            incoming.wrote(partial.received);
            if (incoming.isComplete) this.complete(incoming, partial.bytes);
          });
        },
      },
      { ...PACE, chunkBytes: around.checkpoints.chunkBytes },
    );
    this.incoming = incoming;
    this.changes = 0;
    if (incoming.wanted.digest !== offer.digest) incoming.offer(from, offer);
    if (incoming.isComplete) this.complete(incoming, partial.bytes);
    else incoming.pump();
  }

  private complete({ wanted, source }: Incoming, bytes: Uint8Array): void {
    const { host } = this;
    this.incoming = undefined;
    const { checkpointId: id, throughSlot: through, digest } = wanted;
    const { chain, governing } = headOf(bytes, through);
    const checkpoint = { id, through, chain, governing, digest, bytes };
    if (through <= host.machine.appliedThrough) {
      host.shelf.partial = undefined;
      return;
    }
    host.install(checkpoint, loadMachine(bytes), source);
    this.around.counters.stateTransfers++;
    this.write(checkpoint, () => {
      host.shelf.partial = undefined;
      this.forget();
    });
  }

  private countChanges(incoming: Incoming): void {
    this.around.counters.transferSourcesChanged += incoming.sourcesChanged - this.changes;
    this.changes = incoming.sourcesChanged;
  }

  /** Trims behind the newest checkpoint, as far as what is kept for peers, and the room for it, allow. */
  private forget(): void {
    const { host, around } = this;
    const { keptSlots, usedShareMax } = around.checkpoints;
    const { saved } = host.shelf;
    // A peer's is the state a moment before it is on the disk, and the newest one on it.
    if (saved.through > host.machine.appliedThrough) return;
    const isFull = this.refused || host.usedShare >= (1 + usedShareMax) / 2;
    const kept = !this.refused && host.usedShare < usedShareMax ? keptSlots : 0;
    let through = saved.through - kept;
    if (!isFull && this.pins.keepsAbove < through) {
      around.counters.trimsHeldBack++;
      through = this.pins.keepsAbove;
    }
    // What no log has any more is in this checkpoint: nobody can catch up from the log through there.
    through = Math.max(through, Math.min(saved.through, host.wantsCheckpointThrough));
    if (through <= host.trimThrough) return;
    host.trim(through, saved.id);
    this.refused = false;
    around.counters.transfersOvertaken += this.pins.trimmed(through).length;
  }

  /** Writes a checkpoint to the disk; it is there, whole, some time later. An older one is never put back. */
  private write(checkpoint: SavedCheckpoint, then: () => void): void {
    this.saving = true;
    this.host.later(this.around.random.between(1, this.around.checkpoints.saveDelayMax), () => {
      this.saving = false;
      const { shelf } = this.host;
      if (checkpoint.through <= shelf.saved.through) return;
      shelf.older = shelf.saved;
      shelf.saved = checkpoint;
      // A crash in between leaves a checkpoint that nothing has come of.
      this.host.later(this.around.random.below(20), then);
    });
  }
}

/** Restores a machine from what is on the disk. */
export function loadCheckpoint({ bytes }: SavedCheckpoint): ToyMachine {
  return bytes.length === 0 ? new ToyMachine() : loadMachine(bytes);
}

function saveCheckpoint(chain: Digest, { configuration, above }: Governing, state: Uint8Array): Uint8Array {
  const members = encodeChange({ ...configuration, cookie: '' });
  const bytes = new Uint8Array(HEAD_BYTES + members.length + state.length);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, chain, true);
  view.setFloat64(8, above, true);
  view.setUint32(16, members.length, true);
  bytes.set(members, HEAD_BYTES);
  bytes.set(state, HEAD_BYTES + members.length);
  return bytes;
}

function headOf(bytes: Uint8Array, through: Slot): { readonly chain: Digest; readonly governing: Governing } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const { cookie: _, ...configuration } = decodeChange(membersIn(bytes))!;
  const above = view.getFloat64(8, true) as Ballot;
  return {
    chain: view.getFloat64(0, true) as Digest,
    governing: { configuration, from: through + 1, above },
  };
}

function membersIn(bytes: Uint8Array): Uint8Array {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
  return bytes.subarray(HEAD_BYTES, HEAD_BYTES + length);
}

function loadMachine(bytes: Uint8Array): ToyMachine {
  return ToyMachine.load(bytes.subarray(HEAD_BYTES + membersIn(bytes).length));
}

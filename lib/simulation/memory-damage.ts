/**
 * Rot on the medium of a memory store: what was durable and cannot be read any more.
 *
 * 1. Damage hits what is on the disk at that moment. A vote written later is not touched by it, so that
 *    writing a vote again heals its slot, and only when it is durable.
 * 2. A record that is unreadable takes its votes with it, and the certainty about every slot whose newest
 *    vote does not stand in a later record: as in the logs (docs/format.md, docs/format-file.md). Older
 *    votes for such slots may still be there, and are shown.
 */
import { rangesOf } from '../paxos/damage.js';
import type { MemoryDisk } from '../storage/memory.js';
import type { Recovered, RecoveredVote } from '../storage/storage.js';
import type { Ballot, Slot } from '../types.js';
import type { DiskFault } from './disk.js';
import type { Random } from './random.js';

type Stored = MemoryDisk['queue'][number];

/** A record that cannot be read: the votes in it, and what each slot's newest vote was when it rotted. */
interface RottenRecord {
  readonly victims: ReadonlySet<Stored>;
  readonly newest: ReadonlyMap<Slot, Stored | undefined>;
}

/** Votes in one record, at most. */
const RECORD_VOTES_MAX = 3;

export class MemoryDamage {
  isLost = false;
  private readonly disk: MemoryDisk;
  private readonly lostBytes = new Set<Stored>();
  private records: RottenRecord[] = [];

  constructor(disk: MemoryDisk) {
    this.disk = disk;
  }

  /** Slots whose newest vote on the disk has lost its bytes. */
  get unavailable(): Slot[] {
    const { votes, trimThrough } = this.disk;
    return [...votes].flatMap(([slot, vote]) =>
      slot > trimThrough && this.lostBytes.has(vote) ? [slot] : [],
    );
  }

  /** Slots of which the next open could not tell the newest vote. */
  get uncertain(): Slot[] {
    const { votes, trimThrough } = this.disk;
    const slots = new Set<Slot>();
    for (const { newest } of this.records) {
      for (const [slot, vote] of newest) if (slot > trimThrough && votes.get(slot) === vote) slots.add(slot);
    }
    return [...slots].sort((a, b) => a - b);
  }

  /** True if the newest vote for `slot` on the disk has lost its bytes. */
  hasLostBytes(slot: Slot): boolean {
    const vote = this.disk.votes.get(slot);
    return vote !== undefined && this.lostBytes.has(vote);
  }

  /** Every slot of which this disk has lost something. */
  get slots(): Slot[] {
    return [...this.unavailable, ...this.uncertain];
  }

  /** Rots something that `admits` allows to. @returns the slots it hits; undefined if nothing did. */
  rot(fault: DiskFault, random: Random, admits: (slots: readonly Slot[]) => boolean): Slot[] | undefined {
    if (this.isLost) return undefined;
    if (fault === 'store') {
      this.isLost = true;
      return [];
    }
    const slots = random.sample([...this.disk.votes.keys()], 1);
    const vote = this.disk.votes.get(slots[0] ?? 0);
    if (vote === undefined) return undefined;
    if (fault === 'record') return this.rotRecord(vote, random, admits);
    if (vote.bytes.length === 0 || !admits(slots)) return undefined;
    this.lostBytes.add(vote);
    return slots;
  }

  private rotRecord(
    vote: Stored,
    random: Random,
    admits: (slots: readonly Slot[]) => boolean,
  ): Slot[] | undefined {
    const { queue, votes, trimThrough } = this.disk;
    const first = queue.indexOf(vote);
    const last = Math.min(first + random.below(RECORD_VOTES_MAX), queue.length - 2);
    // Of the last record nobody could say that it was ever there: it is not among these faults.
    if (first < 0 || last < first) return undefined;
    const later = new Set(queue.slice(last + 1).filter((other) => votes.get(other.slot) === other));
    const newest = new Map<Slot, Stored | undefined>();
    const highest = Math.max(...votes.keys());
    for (let slot = trimThrough + 1; slot <= highest; slot++) {
      const own = votes.get(slot);
      if (own === undefined || !later.has(own)) newest.set(slot, own);
    }
    const slots = [...newest.keys()];
    if (!admits(slots)) return undefined;
    this.records.push({ victims: new Set(queue.slice(first, last + 1)), newest });
    return slots;
  }

  /** What recovery makes of the disk, where `found` is what it would be without damage. */
  recovered(found: Recovered): Recovered {
    if (this.isLost) return this.recoveredLost(found);
    const unavailable = new Set(this.unavailable);
    const uncertain = new Set(this.uncertain);
    if (unavailable.size === 0 && uncertain.size === 0) return found;
    const votes = found.votes.flatMap((vote): RecoveredVote[] => {
      if (!uncertain.has(vote.slot)) return [{ ...vote, available: !unavailable.has(vote.slot) }];
      const older = this.readable(vote.slot);
      return older === undefined ? [] : [shown(older, !this.lostBytes.has(older))];
    });
    const reason = 'simulated rot';
    return { ...found, outcome: 'damaged', reason, votes, uncertain: rangesOf(uncertain), clean: false };
  }

  /** A lost log may still show its root, and some of its oldest records: all of it as it once was true. */
  private recoveredLost(found: Recovered): Recovered {
    const votes = new Map<Slot, RecoveredVote>();
    for (const vote of this.disk.queue.slice(0, this.disk.queue.length / 2))
      votes.set(vote.slot, shown(vote, true));
    for (const slot of votes.keys()) if (slot <= found.trimThrough) votes.delete(slot);
    const reason = 'the store was lost in a simulated fault';
    const sorted = [...votes.values()].sort((a, b) => a.slot - b.slot);
    return { ...found, outcome: 'lost', reason, promised: 0 as Ballot, votes: sorted, clean: false };
  }

  /** The newest vote for `slot` that stands in no rotten record. */
  private readable(slot: Slot): Stored | undefined {
    return this.disk.queue.findLast(
      (vote) => vote.slot === slot && !this.records.some(({ victims }) => victims.has(vote)),
    );
  }

  /** The bytes of the newest vote that can be read at `slot`, for a store that has just been opened. */
  readVote(slot: Slot): Uint8Array | undefined {
    const vote = this.readable(slot);
    return vote === undefined || this.lostBytes.has(vote) ? undefined : vote.bytes.slice();
  }

  /** Votes that have lost their bytes, as a scrub tells of them. */
  describe(slots: readonly Slot[]): RecoveredVote[] {
    return slots.map((slot) => shown(this.disk.votes.get(slot)!, false));
  }
}

function shown(vote: Stored, available: boolean): RecoveredVote {
  const { slot, ballot, kind, digest, bytes } = vote;
  return { slot, ballot, kind, digest, lengthBytes: bytes.length, available };
}

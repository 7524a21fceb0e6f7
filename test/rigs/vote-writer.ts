/**
 * An acceptor's part of a production store: promises, groups of votes and trims without end, each told to the
 * rig before it is asked of the store.
 *
 * 1. `recovered` comes first: what open found, every vote with a hash of the bytes that were read back.
 * 2. `staged` and `trim` come before the call they tell of, `durable` only after the store said so.
 * 3. A store that fails is told of (`failed`); nothing is asked of it again.
 */
import { createHash } from 'node:crypto';
import { ballotAbove } from '../../lib/paxos/ballot.js';
import { Random } from '../../lib/simulation/random.js';
import { digestOf } from '../../lib/storage/crc64.js';
import type { Storage } from '../../lib/storage/storage.js';
import { type Ballot, BatchKind } from '../../lib/types.js';
import { voteBytes } from './vote-bytes.js';
import type { StagedItem, WriterLine } from './writer-lines.js';

/** Items staged and not durable, above which the writer waits. */
const OUTSTANDING_MAX = 96;
const GROUP_MAX = 24;
/** Slots kept behind a trim. */
const KEPT_MAX = 200;

export interface VoteWriterOptions {
  readonly seed: number;
  readonly tell: (line: WriterLine) => void;
  /** Asks for the next turn. */
  readonly pace: (turn: () => void) => void;
}

export class VoteWriter {
  readonly #store: Storage;
  readonly #options: VoteWriterOptions;
  readonly #random: Random;
  #slot: number;
  #ballot: Ballot;
  #checkpoint: number;
  #durableSlot = 0;
  #trimmed: number;
  #staged = 0;
  #hasFailed = false;
  /** The slot that was next when each group was staged, by its last item. */
  readonly #slotAt = new Map<number, number>();

  constructor(store: Storage, options: VoteWriterOptions) {
    this.#store = store;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#slot = Math.max(store.recovered.highestVoted, store.recovered.trimThrough) + 1;
    this.#trimmed = store.recovered.trimThrough;
    this.#ballot = store.recovered.promised;
    this.#checkpoint = store.recovered.checkpointId;
    store.onDurable = (item) => this.#durable(item);
    store.onFailure = (error) => {
      this.#hasFailed = true;
      this.#tell({ failed: 'code' in error ? String(error.code) : error.name, text: error.message });
    };
  }

  /** Reports the recovery, and writes from then on. */
  start(): void {
    this.#report();
    this.#options.pace(() => this.#turn());
  }

  #tell(line: WriterLine): void {
    this.#options.tell(line);
  }

  #durable(item: number): void {
    this.#tell({ durable: item });
    for (const [last, slot] of this.#slotAt) {
      if (last > item) break;
      this.#durableSlot = Math.max(this.#durableSlot, slot - 1);
      this.#slotAt.delete(last);
    }
  }

  #turn(): void {
    if (this.#hasFailed) return;
    if (this.#staged - this.#store.durableThrough < OUTSTANDING_MAX) this.#group();
    if (this.#store.usedBytes > this.#store.capacityBytes / 2 || this.#random.chance(0.01)) this.#trim();
    this.#options.pace(() => this.#turn());
  }

  #group(): void {
    const items: StagedItem[] = [];
    if (this.#ballot === 0 || this.#random.chance(0.05)) {
      this.#ballot = ballotAbove(this.#ballot, 1);
      items.push([0, this.#ballot]);
    }
    const again = this.#random.chance(0.1) ? this.#random.below(6) : 0;
    this.#slot = Math.max(this.#trimmed + 1, this.#slot - again);
    const votes = this.#random.between(1, this.#random.chance(0.2) ? GROUP_MAX : 4);
    for (let vote = 0; vote < votes; vote++) items.push([this.#slot + vote, this.#ballot]);
    this.#tell({ staged: items, after: this.#staged });
    const full = items.findIndex((item) => !this.#stage(item));
    const taken = full < 0 ? items.length : full;
    if (taken < items.length) this.#tell({ refused: items.length - taken });
    this.#slot += votes - (items.length - taken);
    if (taken === 0) return;
    this.#staged += taken;
    this.#slotAt.set(this.#staged, this.#slot);
    this.#store.commit(0);
  }

  #stage([slot, ballot]: StagedItem): boolean {
    if (slot === 0) return this.#store.stagePromise(ballot as Ballot);
    const bytes = voteBytes(slot, ballot);
    const digest = digestOf(bytes, 0, bytes.length);
    const kind = bytes.length === 0 ? BatchKind.noop : BatchKind.commands;
    return this.#store.stageVote(slot, ballot as Ballot, kind, digest, bytes, 0, bytes.length);
  }

  #trim(): void {
    const through = this.#durableSlot - this.#random.below(KEPT_MAX);
    if (through <= this.#trimmed) return;
    this.#checkpoint++;
    this.#trimmed = through;
    this.#tell({ trim: through });
    this.#store.trim(through, this.#checkpoint);
  }

  #report(): void {
    const { outcome, reason, promised, trimThrough, votes } = this.#store.recovered;
    const found = votes.map(({ slot, ballot }) => {
      const bytes = this.#store.readVote(slot);
      const hash = bytes === undefined ? 'lost' : createHash('sha1').update(bytes).digest('hex');
      return [slot, ballot, hash] as const;
    });
    this.#tell({ recovered: { outcome, reason, promised, trimThrough, votes: found } });
  }
}

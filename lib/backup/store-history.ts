/**
 * What stores that are stopped hold, as one history.
 *
 * | rule        | what is taken behind what is known to be chosen               | for                       |
 * |-------------|---------------------------------------------------------------|---------------------------|
 * | `learned`   | nothing                                                       | one store among others    |
 * | `quorum`    | what a new leader that asks these stores would propose again  | a cluster that is stopped |
 * | `survivors` | the same, although the stores are no quorum                   | `recover`                 |
 *
 * 1. With a quorum of the stores nothing that was answered is missing: any quorum that voted has a member
 *    here, and of the votes for a slot the one at the highest ballot counts (contract 10).
 * 2. Where a configuration ends, only ballots above that of its stop-sign count behind it (contract 27). A
 *    quorum of the old one says nothing about what is behind: `quorum` ends there.
 * 3. A slot that no store here knows of, below one that is known, is passed over as a noop, as a new leader
 *    would; with a quorum nothing was chosen there. What `survivors` had to guess is told in `gaps`.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import { extendChain } from '../paxos/chain.js';
import { decodeChange } from '../paxos/configuration-batch.js';
import { rangesOf } from '../paxos/damage.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import type { RecoveredVote } from '../storage/storage.js';
import {
  type Ballot,
  type Batch,
  BatchKind,
  type Digest,
  type Slot,
  type SlotRange,
  type Vote,
} from '../types.js';
import type { History } from './history.js';
import type { StoppedStore, StoppedStores } from './stopped-stores.js';

export type HistoryRule = 'learned' | 'quorum' | 'survivors';

interface Chosen extends RecoveredVote {
  readonly store: StoppedStore;
}

const NOOP: Batch = { kind: BatchKind.noop, digest: 0 as Digest, bytes: new Uint8Array(0) };

export class StoreHistory implements History {
  readonly path: string;
  readonly meta: CheckpointMeta;
  readonly throughSlot: Slot;
  /** Slots through here are known to be chosen; behind it they are what the stores voted for. */
  readonly learnedThrough: Slot;
  readonly file: CheckpointFile;
  private readonly stores: StoppedStores;
  private readonly chosen = new Map<Slot, Chosen>();
  private readonly unknown: Slot[] = [];

  /** The stores stay its caller's to close. @throws ERR_INDELIBLE_STORE_CORRUPT where `quorum` is in doubt */
  constructor(stores: StoppedStores, rule: HistoryRule) {
    this.stores = stores;
    this.path = stores.base.directory;
    this.file = stores.base.open.checkpoints.newest;
    this.meta = this.file.meta;
    this.learnedThrough = stores.learnedThrough;
    this.throughSlot = rule === 'learned' ? this.takeLearned() : this.takeVotes(rule);
  }

  /** Slots that nobody here can tell anything of, and that are passed over. */
  get gaps(): readonly SlotRange[] {
    return rangesOf(this.unknown);
  }

  chunks(): Iterable<Uint8Array> {
    return this.file.chunks();
  }

  batch(slot: Slot): Batch {
    return this.vote(slot);
  }

  /** As it goes into a back-up. */
  vote(slot: Slot): Vote & { readonly bytes: Uint8Array } {
    const chosen = this.chosen.get(slot);
    if (chosen === undefined) return { slot, ballot: NO_BALLOT, ...NOOP };
    const { ballot, kind, digest, store } = chosen;
    const bytes = this.bytesOf(store, chosen);
    if (bytes !== undefined) return { slot, ballot, kind, digest, bytes };
    const sentence = `${store.directory} can no longer read the batch of slot ${slot}`;
    throw new IndelibleError(ErrorCode.storeCorrupt, sentence, { path: store.directory });
  }

  /** The chain at `throughSlot`. */
  chain(): Digest {
    let chain = this.meta.chainDigest as Digest;
    for (let slot = this.meta.throughSlot + 1; slot <= this.throughSlot; slot++)
      chain = extendChain(chain, slot, this.chosen.get(slot)?.digest ?? NOOP.digest);
    return chain;
  }

  close(): Promise<void> {
    return this.stores.close();
  }

  private bytesOf({ open }: StoppedStore, { slot, digest }: RecoveredVote): Uint8Array | undefined {
    return open.log.readVote(slot, digest);
  }

  /** What is chosen, as far as it can be read without a gap. */
  private takeLearned(): Slot {
    const votes = this.votesBySlot();
    let slot = this.meta.throughSlot;
    while (slot < this.learnedThrough) {
      const known = this.knownChosen(votes.get(slot + 1) ?? []);
      if (known === undefined) break;
      slot++;
      this.chosen.set(slot, known);
    }
    return slot;
  }

  /** What is chosen, and behind it what a leader would find. */
  private takeVotes(rule: HistoryRule): Slot {
    const votes = this.votesBySlot();
    const last = Math.max(this.meta.throughSlot, ...votes.keys());
    let above = NO_BALLOT;
    let { number } = this.meta.configuration;
    for (let slot = this.meta.throughSlot + 1; slot <= last; slot++) {
      const found = votes.get(slot) ?? [];
      const known = this.knownChosen(found);
      const vote = known ?? this.newest(slot, found, above, rule);
      if (vote === undefined) {
        if (rule === 'survivors' || slot <= this.learnedThrough) this.unknown.push(slot);
        continue;
      }
      this.chosen.set(slot, vote);
      if (!this.ends(vote, number)) continue;
      number++;
      above = vote.ballot;
      if (known === undefined && rule === 'quorum') return slot;
    }
    return this.withoutTail(last, rule);
  }

  /** Behind the last slot that is known nothing is passed over. */
  private withoutTail(last: Slot, rule: HistoryRule): Slot {
    if (rule === 'quorum' && this.unknown.length > 0) throw undecided(this.unknown[0]!);
    let through = last;
    while (through > this.meta.throughSlot && !this.chosen.has(through)) through--;
    while (this.unknown.length > 0 && this.unknown.at(-1)! > through) this.unknown.pop();
    return through;
  }

  private votesBySlot(): Map<Slot, Chosen[]> {
    const votes = new Map<Slot, Chosen[]>();
    for (const store of this.stores.all) {
      if (!store.isWhole) continue;
      for (const vote of store.open.log.recovered.votes) {
        if (vote.slot <= this.meta.throughSlot) continue;
        const found = votes.get(vote.slot);
        if (found === undefined) votes.set(vote.slot, [{ ...vote, store }]);
        else found.push({ ...vote, store });
      }
    }
    return votes;
  }

  /** A vote that its own log vouches for. */
  private knownChosen(found: readonly Chosen[]): Chosen | undefined {
    return found.find(
      ({ slot, available, store }) =>
        available && slot <= store.open.log.recovered.learnedThrough && !isUncertain(store, slot),
    );
  }

  /** The vote at the highest ballot whose bytes can be had. */
  private newest(slot: Slot, found: readonly Chosen[], above: Ballot, rule: HistoryRule): Chosen | undefined {
    const isInDoubt = this.stores.all.some((store) => store.isWhole && isUncertain(store, slot));
    const ordered = found.filter(({ ballot }) => ballot > above).sort((a, b) => b.ballot - a.ballot);
    const [highest] = ordered;
    const usable = ordered.find(({ available }) => available);
    if (rule === 'survivors') return usable;
    const isSame = usable?.digest === highest?.digest && usable?.kind === highest?.kind;
    if (isInDoubt || !isSame) throw undecided(slot);
    return usable;
  }

  private ends({ kind, slot, store, digest }: Chosen, number: number): boolean {
    if (kind !== BatchKind.configuration) return false;
    const bytes = store.open.log.readVote(slot, digest);
    return bytes !== undefined && decodeChange(bytes)?.number === number + 1;
  }
}

function isUncertain({ open }: StoppedStore, slot: Slot): boolean {
  return open.log.recovered.uncertain.some(({ from, through }) => from <= slot && slot <= through);
}

function undecided(slot: Slot): IndelibleError {
  const sentence =
    `what was chosen in slot ${slot} cannot be told by these stores alone: their votes there are lost or not ` +
    'known. Name the directories of the other replicas too, or start them';
  return new IndelibleError(ErrorCode.storeCorrupt, sentence);
}

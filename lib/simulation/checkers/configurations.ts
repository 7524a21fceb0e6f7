/**
 * Configurations (contracts 27 and 28): every replica has the same one in a slot; a ballot belongs to one, is
 * above what chose it, is led by one of its voters, and proposes nothing behind its end; whatever an ended
 * configuration has proposed behind its end was proposed below the ballot that ended it. Ids are never used
 * twice, members begin as learners, and a learner that is made a voter has caught up.
 */
import { formatBallot } from '../../paxos/ballot.js';
import { decodeChange, highestIdOf } from '../../paxos/configuration-batch.js';
import type { Governing } from '../../paxos/configurations.js';
import type { Accept, Canvass, Message, Prepare } from '../../paxos/messages.js';
import type { Ballot, Batch, Configuration, ReplicaId, Slot } from '../../types.js';
import type { StateView } from '../machine.js';
import type { Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Votes } from './votes.js';

export class Configurations implements Observer {
  private readonly votes: Votes;
  private readonly windowSlots: number;
  private readonly numberOf = new Map<Ballot, number>();
  private readonly learnedThrough = new Map<ReplicaId, Slot>();

  constructor(votes: Votes, windowSlots: number) {
    this.votes = votes;
    this.windowSlots = windowSlots;
  }

  configured(replica: ReplicaId, { configuration, from }: Governing): void {
    const { number } = configuration;
    const known = this.votes.configuration(number);
    must(
      known !== undefined && describe(known.configuration) === describe(configuration) && known.from <= from,
      'configurations',
      () => `replica ${replica} is in configuration ${number} from slot ${from}: ${describe(configuration)}`,
    );
  }

  learned(replica: ReplicaId, slot: Slot): void {
    this.learnedThrough.set(replica, Math.max(slot, this.learnedBy(replica)));
  }

  restored(replica: ReplicaId, { appliedThrough }: StateView): void {
    this.learned(replica, appliedThrough);
  }

  proposed(leader: ReplicaId, _slot: Slot, { bytes }: Batch): void {
    const next = decodeChange(bytes)!;
    const before = this.votes.configuration(next.number - 1)?.configuration;
    must(
      before !== undefined,
      'configurations',
      () => `replica ${leader} proposes configuration ${next.number}, and none has the number before`,
    );
    const highestId = highestIdOf(before!);
    for (const { id, storeUuid, role } of next.members) {
      const was = before!.members.find((member) => member.id === id);
      must(
        was === undefined ? id > highestId && role === 'learner' : was.storeUuid === storeUuid,
        'configurations',
        () => `replica ${leader} proposes the id ${id} twice, or as a voter at once`,
      );
      if (was?.role !== 'learner' || role === 'learner') continue;
      must(
        this.learnedBy(id) + this.windowSlots >= this.learnedBy(leader),
        'configurations',
        () => `replica ${leader} makes ${id} a voter, which has learned ${this.learnedBy(id)} slots`,
      );
    }
  }

  leaves(from: ReplicaId, _to: ReplicaId, message: Message): void {
    if (message.type === 'prepare' || message.type === 'canvass') this.candidate(from, message);
    if (message.type === 'accept') this.accept(from, message);
  }

  private candidate(from: ReplicaId, { ballot, configuration: number, type }: Prepare | Canvass): void {
    const known = this.votes.configuration(number);
    const member = known?.configuration.members.find(({ id }) => id === from);
    must(
      known !== undefined && member !== undefined && member.role !== 'learner',
      'configurations',
      () => `replica ${from}, which is no voter of configuration ${number}, asks to lead in it`,
    );
    if (type !== 'prepare') return;
    must(
      ballot > known!.chosenAt && (this.numberOf.get(ballot) ?? number) === number,
      'configurations',
      () =>
        `${formatBallot(ballot)} is of configuration ${number}, chosen at ${formatBallot(known!.chosenAt)}`,
    );
    this.numberOf.set(ballot, number);
  }

  private accept(from: ReplicaId, { slot, ballot }: Accept): void {
    const number = this.numberOf.get(ballot);
    const of = this.votes.configurationOf(slot);
    if (number === undefined || of === undefined || of.configuration.number === number) return;
    const end = this.votes.configuration(number + 1);
    must(
      number < of.configuration.number && end !== undefined && ballot < end.chosenAt,
      'configurations',
      () =>
        `replica ${from} proposes at ${formatBallot(ballot)} of configuration ${number} in slot ${slot}, which is ` +
        `of ${of.configuration.number}`,
    );
  }

  private learnedBy(replica: ReplicaId): Slot {
    return this.learnedThrough.get(replica) ?? 0;
  }
}

function describe({ number, members }: Configuration): string {
  return `${number}: ${members.map(({ id, role }) => (role ? `${id} (${role})` : id)).join(' ')}`;
}

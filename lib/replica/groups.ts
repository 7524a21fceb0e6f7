/**
 * A turn's votes and promises on their way to the store: one group, one call, and what becomes durable of it.
 */
import type { ReplicaCore } from '../paxos/replica.js';
import type { Storage } from '../storage/storage.js';
import { Backlog } from './backlog.js';
import type { Meters } from './meters.js';

export class Groups {
  /** What was given to the store and is not durable. */
  readonly backlog: Backlog;
  private readonly storage: Storage;
  private readonly meters: Meters;
  private last = 0;
  private inCommit = false;

  constructor(storage: Storage, unloggedBytesMax: number, meters: Meters) {
    this.storage = storage;
    this.backlog = new Backlog(unloggedBytesMax);
    this.meters = meters;
  }

  /** The last item of the last group given to the store. */
  get committed(): number {
    return this.last;
  }
  /** The store is being given a group: what becomes durable meanwhile needs no turn of its own. */
  get isCommitting(): boolean {
    return this.inCommit;
  }
  /** Everything that the store was given is durable. */
  get areDurable(): boolean {
    return this.storage.durableThrough >= this.last;
  }

  /** Gives the store what was staged since. A store that is lost is given nothing. */
  commit({ acceptor, learner }: ReplicaCore): void {
    if (!acceptor.voting) return;
    if (acceptor.stagedThrough > this.last) this.meters.groupBegins(acceptor.stagedThrough);
    this.last = acceptor.stagedThrough;
    this.backlog.committed(this.last);
    this.inCommit = true;
    this.storage.commit(learner.loggedThrough);
    this.inCommit = false;
  }

  /** Everything through `item` is durable. */
  durable(item: number): void {
    this.meters.durable(item);
    this.backlog.durable(item);
  }
}

/** Stores of replicas that are stopped, with votes put into them by hand. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '../../lib/replica/log-kinds.js';
import { formatStore } from '../../lib/replica/store.js';
import type { Ballot, Configuration, Slot, Vote } from '../../lib/types.js';
import { CLUSTER } from './sample.js';

const STORAGE = { mode: 'emulated' } as const;
export const uuidOf = (id: number): string => String(id).padStart(32, 'd');

export interface Wanted {
  readonly votes: readonly (Vote & { readonly bytes: Uint8Array })[];
  readonly learnedThrough: Slot;
  readonly promised?: Ballot;
}

export class StoppedReplicas {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'indelible-stopped-'));
  readonly configuration: Configuration;

  constructor(voters: readonly number[], learners: readonly number[] = []) {
    const voting = voters.map((id) => ({ id, storeUuid: uuidOf(id) }));
    const learning = learners.map((id) => ({ id, storeUuid: uuidOf(id), role: 'learner' as const }));
    this.configuration = { number: 1, members: [...voting, ...learning] };
  }

  pathOf(id: number): string {
    return join(this.directory, `replica-${id}`);
  }

  async write(id: number, { votes, learnedThrough, promised }: Wanted): Promise<string> {
    const directory = this.pathOf(id);
    mkdirSync(directory);
    const identity = { clusterId: CLUSTER, replicaId: id, storeUuid: uuidOf(id) };
    const shape = { identity, logBytes: 1 << 20, recordBytesMax: 64 << 10 };
    await formatStore(directory, STORAGE, shape, this.configuration);
    const log = await openLog(directory, STORAGE, {});
    for (const { slot, ballot, kind, digest, bytes } of votes)
      log.stageVote(slot, ballot, kind, digest, bytes, 0, bytes.length);
    if (promised !== undefined) log.stagePromise(promised);
    log.commit(learnedThrough);
    await log.close();
    return directory;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** What a replica's events look like on the diagnostics channels of observe/channels.ts. */
import type { EventEmitter } from 'node:events';
import { publish } from '../observe/channels.js';
import type { Storage } from '../storage/storage.js';
import type { ReplicaEvents } from './replica-events.js';

/** Publishes what recovery found now, and every event of `replica` from now on. */
export function announce(replica: EventEmitter<ReplicaEvents>, log: Storage): void {
  const { replicaId } = log.identity;
  const { outcome, reason, trimThrough, votes } = log.recovered;
  publish('indelible:recovery', {
    replica: replicaId,
    outcome,
    reason,
    durability: log.durability,
    trimThrough,
    votes: votes.length,
  });
  replica.on('role', (role, ballot, leader) =>
    publish('indelible:role', { replica: replicaId, role, ballot, leader }),
  );
  replica.on('peer', (peer, up) => publish('indelible:peer', { replica: replicaId, peer, up }));
  replica.on('checkpoint', ({ checkpointId, throughSlot }, lengthBytes, from) =>
    publish('indelible:checkpoint', { replica: replicaId, checkpointId, throughSlot, lengthBytes, from }),
  );
  replica.on('checkpointProblem', (problem) => {
    const { code, reason, failures, retryMs } = problem ?? { code: '', reason: '', failures: 0, retryMs: 0 };
    publish('indelible:checkpoint-problem', { replica: replicaId, code, reason, failures, retryMs });
  });
  replica.on('disk', (status) => publish('indelible:disk', { replica: replicaId, ...status }));
  replica.on('transfer', (event) => publish('indelible:transfer', { replica: replicaId, ...event }));
  replica.on('damage', ({ reason, votes, uncertain }) =>
    publish('indelible:damage', { replica: replicaId, reason, votes: votes.length, uncertain }),
  );
  replica.on('clock', ({ isOff, aheadMs }) =>
    publish('indelible:clock', { replica: replicaId, isOff, aheadMs }),
  );
  replica.on('halted', (halt) => {
    const { slot, ordinal, error } = halt ?? { slot: 0, ordinal: 0, error: undefined };
    publish('indelible:halted', { replica: replicaId, slot, ordinal, error });
  });
  replica.on('failure', (error) => publish('indelible:failure', { replica: replicaId, error }));
}

/**
 * Waits until a replica knows who leads. It settles once and leaves no listener behind, however it ends.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaId } from '../types.js';

/** Options of a call that waits. */
export interface WaitOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What is asked of a replica. */
export interface LedReplica {
  /** 0 while none is known. */
  leader(): ReplicaId;
  isStopped(): boolean;
  /** Calls back whenever `leader` or `isStopped` may have changed. @returns what ends that */
  onChange(callback: () => void): () => void;
}

/** @throws (by rejection) the signal's reason; ERR_INDELIBLE_STOPPED */
export function leaderKnown(replica: LedReplica, { signal }: WaitOptions): Promise<ReplicaId> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    let end = (): void => {};
    const look = (): boolean => {
      const leader = replica.leader();
      if (leader === 0 && !replica.isStopped()) return false;
      if (replica.isStopped()) reject(new IndelibleError(ErrorCode.stopped, 'the replica has stopped'));
      else resolve(leader);
      return true;
    };
    if (look()) return;
    const change = (): void => {
      if (look()) end();
    };
    const abort = (): void => {
      end();
      reject(signal?.reason as Error);
    };
    const forget = replica.onChange(change);
    signal?.addEventListener('abort', abort);
    end = () => {
      forget();
      signal?.removeEventListener('abort', abort);
    };
  });
}

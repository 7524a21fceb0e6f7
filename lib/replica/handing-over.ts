/** The lead given to a replica that an operator names. What the core asks of it is in paxos/leading.ts. */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { ReplicaId } from '../types.js';

/**
 * Asks `heir` to campaign; it leads a round trip later, or somebody else does.
 * @throws ERR_INDELIBLE_NOT_EXECUTED where it cannot be asked, or would not come through
 */
export function handOverTo(
  core: Pick<ReplicaCore, 'handOverTo' | 'leader' | 'proposer' | 'self'>,
  heir: ReplicaId,
): void {
  const { leader, proposer, self } = core;
  if (leader === heir || core.handOverTo(heir)) return;
  const whom = leader === 0 ? 'nobody does now' : `ask replica ${leader}`;
  const why =
    proposer.ballot === undefined
      ? `replica ${self} does not lead, ${whom}`
      : `replica ${heir} does not vote, does not answer, or has not caught up`;
  throw new IndelibleError(ErrorCode.notExecuted, `the lead stays where it is: ${why}`);
}

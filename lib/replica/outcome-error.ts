/** What an outcome is as an error: what a Promise rejects with. */
import { ErrorCode, IndelibleError } from '../errors.js';
import { Outcome } from './service.js';

/** Any outcome but done. */
export type Failure = Exclude<Outcome, typeof Outcome.done>;

const NOT_EXECUTED = 'not executed, and never will be: ';

const ERRORS: Readonly<Record<Failure, readonly [code: ErrorCode, sentence: string]>> = {
  [Outcome.notExecuted]: [
    ErrorCode.notExecuted,
    `${NOT_EXECUTED}no leader accepted it in time, or another batch took its slot. It is safe to send it again`,
  ],
  [Outcome.unknown]: [ErrorCode.unknown, 'it is not known whether the command was or will be executed'],
  [Outcome.declined]: [
    ErrorCode.notExecuted,
    'the state machine declined to answer this as a query; propose it as a command',
  ],
  [Outcome.failed]: [ErrorCode.stateMachine, 'the state machine threw an error while it answered this query'],
  [Outcome.skipped]: [
    ErrorCode.skipped,
    'the state machine throws an error at this command, and an operator had it skipped',
  ],
  [Outcome.diskFull]: [
    ErrorCode.diskFull,
    `${NOT_EXECUTED}the disks of too many replicas are short of room; status() says whose`,
  ],
  [Outcome.outOfOrder]: [
    ErrorCode.notExecuted,
    `${NOT_EXECUTED}commands of its session that come before it are not executed`,
  ],
  [Outcome.sessionGone]: [
    ErrorCode.sessionGone,
    'the cluster has forgotten the session, so that it is not known whether the command was executed: it was not used for too long, or others took its room',
  ],
  [Outcome.answeredBefore]: [
    ErrorCode.answerGone,
    'the command was executed, and its answer is not kept any more: it was too long, or others took its room',
  ],
};

export function outcomeError(outcome: Failure, cause?: unknown): IndelibleError {
  const [code, sentence] = ERRORS[outcome];
  return new IndelibleError(code, sentence, { cause });
}

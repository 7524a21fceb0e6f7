/** What a replica says of the sessions of its cluster. */
import type { SessionGuard } from './session-guard.js';

/** The sessions of the cluster, as this replica has applied them; what is counted, it counts since open. */
export interface SessionsStatus {
  /** Sessions that are kept. */
  readonly kept: number;
  /** Sessions that were opened ever: the number of the newest one. */
  readonly openedEver: number;
  /** Bytes of answers that are kept for them. */
  readonly answerBytes: number;
  /** Sessions that were forgotten by a bound: their number, their answers, or the time without use. */
  readonly forgotten: number;
  /** Commands that were asked again and had the answer of an earlier copy. */
  readonly repeated: number;
  /** Commands that were not executed: out of order, of a forgotten session, or with an answer gone. */
  readonly refused: number;
  /** Sessions that programs hold here: in this process, through this replica. */
  readonly held: number;
}

export function sessionsStatus(
  { table, repeated, refused }: Pick<SessionGuard, 'table' | 'repeated' | 'refused'>,
  held: number,
): SessionsStatus {
  const { count: kept, openedEver, answerBytes, forgotten } = table;
  return { kept, openedEver, answerBytes, forgotten, repeated, refused, held };
}

/** What a vote writer tells the rig, each a line of JSON. */

/** A promise is [0, ballot], a vote [slot, ballot]; its bytes follow from the two. */
export type StagedItem = readonly [slot: number, ballot: number];

export interface RecoveredReport {
  readonly outcome: string;
  readonly reason: string;
  readonly promised: number;
  readonly trimThrough: number;
  /** Slot, ballot, and the SHA-1 of the bytes read back. */
  readonly votes: readonly (readonly [slot: number, ballot: number, hash: string])[];
}

export interface WriterLine {
  readonly recovered?: RecoveredReport;
  /** Items about to be staged as a group, in their order, behind `after` items of this process. */
  readonly staged?: readonly StagedItem[];
  readonly after?: number;
  /** So many items at the end of that group found no room and were not taken. */
  readonly refused?: number;
  readonly trim?: number;
  readonly durable?: number;
  readonly failed?: string;
  readonly text?: string;
}

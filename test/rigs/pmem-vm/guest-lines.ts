/** The lines between the guest and the rig, each a line of JSON on the guest's serial port. */
import type { WriterLine } from '../writer-lines.js';

/** Where the log lies: a file on one of two file systems, or a device itself. */
export type Target = 'ext4' | 'xfs' | 'devdax';

/** From the rig to the guest. */
export interface GuestCommand {
  /** Make namespaces, file systems and stores on new NVDIMMs. */
  readonly prepare?: true;
  /** Open what is there, report it, and write without end. */
  readonly run?: Target;
  /** The first number to write, and what chance decides by. */
  readonly first?: number;
  readonly seed?: number;
}

/** One replica, after recovery. */
export interface OpenedReplica {
  readonly id: number;
  readonly mode: string;
  readonly durability: string;
  readonly recovery: string;
  /** Whether the kernel says that its region is mapped MAP_SYNC. */
  readonly synchronous: boolean;
  /** The numbers it has executed, as ranges: 1-5,7-9. */
  readonly executed: string;
}

/** From the guest to the rig. */
export interface GuestLine {
  /** Everything is loaded, nothing is mounted. */
  readonly ready?: string;
  readonly prepared?: string;
  readonly opened?: readonly OpenedReplica[];
  /** Numbers through this one are about to be proposed. */
  readonly asked?: number;
  /** These have been answered. */
  readonly done?: readonly number[];
  /** How the store on the device was opened, before what its writer tells. */
  readonly device?: string;
  readonly writer?: WriterLine;
  /** Something went wrong that must not. */
  readonly failed?: string;
}

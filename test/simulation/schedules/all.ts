/**
 * Every directed schedule: histories that chance takes too long to find, each of them safe in the core as it
 * is.
 */
import { backups } from './backups.js';
import { cutOff } from './cut-off.js';
import { deadlines } from './deadlines.js';
import { followersReads } from './followers-reads.js';
import { fullLogs } from './full-logs.js';
import { greetings } from './greetings.js';
import { healing } from './healing.js';
import { hints } from './hints.js';
import { hostileNumbers } from './hostile-numbers.js';
import { longAnswers } from './long-answers.js';
import { lostBytes } from './lost-bytes.js';
import { lostStore } from './lost-store.js';
import { members } from './members.js';
import { outlivedLeader } from './outlived-leader.js';
import { relays } from './relays.js';
import type { Schedule } from './schedule.js';
import { sessions } from './sessions.js';
import { skips } from './skips.js';
import { slowLinks } from './slow-links.js';
import { staleness } from './staleness.js';
import { standingBack } from './standing-back.js';
import { stores } from './stores.js';
import { transferredFiles } from './transferred-files.js';
import { transfers } from './transfers.js';
import { uncertainSlot } from './uncertain-slot.js';
import { voteAtFirstBallot } from './vote-at-first-ballot.js';
import { vouchedLog } from './vouched-log.js';
import { ways } from './ways.js';

export const schedules: readonly Schedule[] = [
  vouchedLog,
  voteAtFirstBallot,
  outlivedLeader,
  ...lostBytes,
  ...uncertainSlot,
  ...lostStore,
  ...healing,
  ...transfers,
  ...transferredFiles,
  ...fullLogs,
  ...cutOff,
  ...followersReads,
  ...hints,
  ...relays,
  ...ways,
  ...hostileNumbers,
  ...longAnswers,
  ...deadlines,
  ...slowLinks,
  ...stores,
  ...skips,
  ...standingBack,
  staleness,
  sessions,
  ...greetings,
  ...members,
  ...backups,
];

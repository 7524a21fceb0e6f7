/**
 * What a simulation of hosts went through. A suite of seeds in which one of these stays zero has not tested
 * what it claims to test.
 */
export interface HostCounters {
  kills: number;
  /** Machines that lost their power, and with it what their disks had not made durable. */
  powerCuts: number;
  orderlyStops: number;
  restarts: number;
  fullOutages: number;
  leaderChanges: number;
  partitions: number;
  oneWayPartitions: number;
  chainedPartitions: number;
  isolatedLeaders: number;
  /** Followers that lost their leader, and nothing else. */
  cutOffFollowers: number;
  narrowLinks: number;
  lossyWeather: number;
  pauses: number;
  drifts: number;
  clockJumps: number;
  diskStalls: number;
  fullDisks: number;
  /**
   * Directories that were copied, put back from such a copy, and formatted again; then how many of those were
   * refused, and how many ended with the replica's own store put back.
   */
  storesCopied: number;
  storesPutBack: number;
  storesFormattedAgain: number;
  staleStoresRefused: number;
  staleStoresTakenAway: number;
  /** Commands that were refused because disks were short of room. */
  diskRefusals: number;
  /**
   * Connections between replicas that ended, and messages dropped because a queue was full or a peer away.
   */
  peersLost: number;
  messagesDropped: number;
  /** Segments that had no room in the queue of a wire. */
  queueDrops: number;
  /** Times that what was for a peer had to wait, because it was behind, or away. */
  peersBehind: number;
  checkpoints: number;
  /** Times a checkpoint could not be written. */
  checkpointsFailed: number;
  stateTransfers: number;
  writesDone: number;
  readsDone: number;
  /** Queries that a replica answered from its own state while it followed. */
  readsFollowing: number;
  /** Reads that named a slot or bounded staleness, and barriers that were reached. */
  boundedReads: number;
  barriersReached: number;
  notExecuted: number;
  unknown: number;
  /** Requests answered at a replica that did not lead: they had been forwarded. */
  doneElsewhere: number;
  /** Requests of clients on machines of their own. */
  doneOutside: number;
  /** Times a requester was refused for lack of room, and times it was told that there was room again. */
  refusals: number;
  drains: number;
  abandoned: number;
  /** Times a state machine threw at a command, that command was skipped, and a state was put back for it. */
  halts: number;
  skips: number;
  rebuilds: number;
  /** Requests that were given up because their time was over. */
  deadlinesFired: number;
  /** Commands told unknown before a newer one of their requester was answered. */
  overtaken: number;
  /** Ticks of replicas whose log had not come on for too long, and leads that ended meanwhile. */
  stalledTicks: number;
  standDowns: number;
  /** Wall clocks that were noticed to be off, and ticks of leaders that drew time to others' clocks. */
  clocksOff: number;
  clocksSlewed: number;
  callbacksThrown: number;
  listenersThrown: number;
  reentrantCalls: number;
  slotsApplied: number;
  /** Commands that had the answer of an earlier copy, and that were refused: out of order, or forgotten. */
  sessionRepeats: number;
  sessionRefusals: number;
  /** Sessions that requesters opened to hold, and those of them that were forgotten while they did. */
  sessionsOpened: number;
  sessionsLost: number;
  /** Commands answered within a session that their requester held. */
  doneInSessions: number;
  /** Sessions that were forgotten for lack of room. */
  sessionsForgotten: number;
  /** Moments at which a majority was healthy and connected for long enough, and progress was asked for. */
  availabilityChecks: number;
  /** The same for single replicas that were cut off from the leader alone, for long enough. */
  cutOffChecks: number;
}

export function newHostCounters(): HostCounters {
  return {
    kills: 0,
    powerCuts: 0,
    orderlyStops: 0,
    restarts: 0,
    fullOutages: 0,
    leaderChanges: 0,
    partitions: 0,
    oneWayPartitions: 0,
    chainedPartitions: 0,
    isolatedLeaders: 0,
    cutOffFollowers: 0,
    narrowLinks: 0,
    lossyWeather: 0,
    pauses: 0,
    drifts: 0,
    clockJumps: 0,
    diskStalls: 0,
    fullDisks: 0,
    storesCopied: 0,
    storesPutBack: 0,
    storesFormattedAgain: 0,
    staleStoresRefused: 0,
    staleStoresTakenAway: 0,
    diskRefusals: 0,
    peersLost: 0,
    messagesDropped: 0,
    queueDrops: 0,
    peersBehind: 0,
    checkpoints: 0,
    checkpointsFailed: 0,
    stateTransfers: 0,
    writesDone: 0,
    readsDone: 0,
    readsFollowing: 0,
    boundedReads: 0,
    barriersReached: 0,
    notExecuted: 0,
    unknown: 0,
    doneElsewhere: 0,
    doneOutside: 0,
    refusals: 0,
    drains: 0,
    abandoned: 0,
    halts: 0,
    skips: 0,
    rebuilds: 0,
    deadlinesFired: 0,
    overtaken: 0,
    stalledTicks: 0,
    standDowns: 0,
    clocksOff: 0,
    clocksSlewed: 0,
    callbacksThrown: 0,
    listenersThrown: 0,
    reentrantCalls: 0,
    slotsApplied: 0,
    sessionRepeats: 0,
    sessionRefusals: 0,
    sessionsOpened: 0,
    sessionsLost: 0,
    doneInSessions: 0,
    sessionsForgotten: 0,
    availabilityChecks: 0,
    cutOffChecks: 0,
  };
}

/** Adds `more` to `total`. */
export function addHostCounters(total: HostCounters, more: HostCounters): void {
  for (const name of Object.keys(total) as (keyof HostCounters)[]) total[name] += more[name];
}

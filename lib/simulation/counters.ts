/**
 * What a simulation went through. A suite of seeds in which one of these stays zero has not tested what it
 * claims to test.
 */
export interface Counters {
  /** Restarts after a crash. */
  crashRestarts: number;
  /** Restarts from a medium on which a write was cut short, so that something staged was lost. */
  tornRestarts: number;
  /** Votes that lost their bytes. */
  bytesRotted: number;
  /** Records that became unreadable. */
  recordsRotted: number;
  /** Stores that were lost. */
  storesLost: number;
  /** Damage done under an open store, and what scrubs have found of it. */
  rottedAlive: number;
  /** What scrubs have found of it. */
  scrubFindings: number;
  /** Restarts from a damaged store. */
  damagedRestarts: number;
  /** Slots that were damaged and whose vote was written again. */
  slotsHealed: number;
  /** Times a replica found slots that it could not decide with the answers of a quorum. */
  undecidedCampaigns: number;
  /** Clusters that stopped because more had rotted than can be mended, and named the slots. */
  namedStops: number;
  /** Times that every replica was down at once. */
  fullOutages: number;
  /** Times a replica began to lead after the first time one did. */
  leaderChanges: number;
  /** Times that the network was cut in two. */
  partitions: number;
  /** Cuts of one direction only. */
  oneWayPartitions: number;
  /** Cuts that left each replica only its neighbours. */
  chainedPartitions: number;
  /** Cuts that left the leader alone. */
  isolatedLeaders: number;
  /** Times that a replica was told that the link to another one had ended at its other end: it had died. */
  linksEnded: number;
  /** Times that links to a leader were ended which was well. */
  falseHints: number;
  /** Times that a replica asked at once whether it may lead because of either. */
  hintsTaken: number;
  /** Times that one whose link to its leader had ended before did not ask again. */
  hintsBounded: number;
  /** Times that a replica missed its leader before an election timeout was over. */
  missedSoon: number;
  /** Times that a process was stopped and went on. */
  pauses: number;
  /** Messages delivered. */
  messagesDelivered: number;
  /** Messages lost. */
  messagesLost: number;
  /** Messages delivered twice. */
  messagesDoubled: number;
  /** Messages that were overtaken by a later one of the same link. */
  messagesReordered: number;
  /** Times that a replica had to wait for a link to take more bulk. */
  linksFull: number;
  /** Checkpoints written. */
  checkpoints: number;
  /** Times that votes were forgotten. */
  trims: number;
  /** Checkpoints installed that a peer had sent. */
  stateTransfers: number;
  /** Transfers that went on with what an earlier one, or an earlier life, had received. */
  transfersResumed: number;
  /** Times that another peer with the very same checkpoint went on where the source had ended. */
  transferSourcesChanged: number;
  /** Times that the log behind a checkpoint that is being sent was kept although a newer one covers it. */
  trimsHeldBack: number;
  /** Checkpoints under way behind which the log had to be trimmed, because it was full. */
  transfersOvertaken: number;
  /** Times that a replica asked a peer for what it lacked. */
  fetches: number;
  /** Votes refused because the log was full. */
  logFull: number;
  /** Votes for the first slot not learned that found room only in the reserve. */
  reserveVotes: number;
  /** Parts with votes of an answer to a prepare that more parts followed. */
  answersInParts: number;
  /** Times that a candidate asked again for what was lost of an answer, or had not come. */
  answersResumed: number;
  /** Times that a candidate said that answers are still coming. */
  campaignsKept: number;
  /** Slots for which a candidate was told of votes for different batches. */
  conflictingVotes: number;
  /** Parts of answers that named uncertain slots, and those with votes whose bytes are lost. */
  uncertainAnswers: number;
  /** Parts of answers with votes whose bytes are lost. */
  answersWithoutBytes: number;
  /** Times that a ballot was led above slots which its replica had not learned. */
  ledAboveAGap: number;
  /** Leads given up because nobody in reach had learned what is below. */
  gapsLeft: number;
  /** Leads that ended because no quorum was heard. */
  leadersWithoutQuorum: number;
  /** Rejected leaders that canvassed again at once. */
  rejectedLeadersAsk: number;
  /** Candidates that were told, instead of being welcomed, what there is to learn. */
  cutOffTold: number;
  /** Times that a peer took so little that its leader stopped sending it accepts. */
  peersBehind: number;
  /** Majorities that got on without the others, from where faults had left them. */
  majoritiesAlone: number;
  /** Times that a leader gave the lead to another. */
  handOvers: number;
  /** Commands answered with a result. */
  commandsDone: number;
  /** Commands of which the replica said that they never will be executed. */
  commandsLost: number;
  /** Commands whose replica died or was restored before it knew. */
  commandsUnknown: number;
  /** Queries answered. */
  readsDone: number;
  /** Queries not answered. */
  readsLost: number;
  /** Slots executed, over all replicas. */
  slotsApplied: number;
}

export function newCounters(): Counters {
  return {
    crashRestarts: 0,
    tornRestarts: 0,
    bytesRotted: 0,
    recordsRotted: 0,
    storesLost: 0,
    rottedAlive: 0,
    scrubFindings: 0,
    damagedRestarts: 0,
    slotsHealed: 0,
    undecidedCampaigns: 0,
    namedStops: 0,
    fullOutages: 0,
    leaderChanges: 0,
    partitions: 0,
    oneWayPartitions: 0,
    chainedPartitions: 0,
    isolatedLeaders: 0,
    linksEnded: 0,
    falseHints: 0,
    hintsTaken: 0,
    hintsBounded: 0,
    missedSoon: 0,
    pauses: 0,
    messagesDelivered: 0,
    messagesLost: 0,
    messagesDoubled: 0,
    messagesReordered: 0,
    linksFull: 0,
    checkpoints: 0,
    trims: 0,
    stateTransfers: 0,
    transfersResumed: 0,
    transferSourcesChanged: 0,
    trimsHeldBack: 0,
    transfersOvertaken: 0,
    fetches: 0,
    logFull: 0,
    reserveVotes: 0,
    answersInParts: 0,
    answersResumed: 0,
    campaignsKept: 0,
    conflictingVotes: 0,
    uncertainAnswers: 0,
    answersWithoutBytes: 0,
    ledAboveAGap: 0,
    gapsLeft: 0,
    leadersWithoutQuorum: 0,
    rejectedLeadersAsk: 0,
    cutOffTold: 0,
    peersBehind: 0,
    majoritiesAlone: 0,
    handOvers: 0,
    commandsDone: 0,
    commandsLost: 0,
    commandsUnknown: 0,
    readsDone: 0,
    readsLost: 0,
    slotsApplied: 0,
  };
}

/** Adds `more` to `total`. */
export function addCounters(total: Counters, more: Counters): void {
  for (const name of Object.keys(total) as (keyof Counters)[]) total[name] += more[name];
}

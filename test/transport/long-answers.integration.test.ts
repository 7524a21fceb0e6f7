/**
 * The answer to a prepare over real sockets, much longer than the queue for a peer: it arrives whole, nothing
 * of it is dropped by the queue, and it goes on after its connection was lost.
 */
import { afterEach, expect, it } from 'vitest';
import { FRAME_BYTES_MAX } from '../../lib/limits.js';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Campaign } from '../../lib/paxos/campaign.js';
import type { Effects } from '../../lib/paxos/effects.js';
import type { Message } from '../../lib/paxos/messages.js';
import { PromisedAnswer } from '../../lib/paxos/promised-answer.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import type { TcpTransport } from '../../lib/transport/tcp.js';
import { BatchKind, type Digest } from '../../lib/types.js';
import { FIRST, NOTHING_LEARNED } from '../paxos/answers.js';
import { configurationOf, QUICK, SocketPlace } from './places.js';

const BALLOT = ballotOf(2, 1);
const VOTES = 40;
const VOTE_BYTES = 1 << 20;

let place: SocketPlace | undefined;
let transports: TcpTransport[] = [];

afterEach(async () => {
  await Promise.all(transports.map((transport) => transport.close()));
  transports = [];
  await place?.dispose();
});

/** Starts replica `id`; resolves when its peer is up. */
async function start(id: number, message: (message: Message) => void, roomAgain: () => void) {
  const transport = place!.transport(id, { bounds: { ...QUICK, peerQueueBytesMax: FRAME_BYTES_MAX } });
  transports.push(transport);
  const up = new Promise<void>((resolve) => {
    const events = { settled: () => transport.flush(), peerDown: () => {}, peerUp: () => resolve() };
    void transport.start({ ...events, message: (_, one) => message(one), roomAgain });
  });
  return { transport, up };
}

it('an answer longer than the queue arrives, also when its connection is lost on the way', async () => {
  place = await SocketPlace.make(2);
  const campaign = new Campaign(BALLOT, 1, new Quorum(configurationOf(2)), 3);
  let taken = 0;
  let arrivedWhole: () => void = () => {};
  const whole = new Promise<void>((resolve) => {
    arrivedWhole = resolve;
  });

  const candidate = await start(
    1,
    (message) => {
      if (message.type !== 'promised') return;
      const result = campaign.take(2, message);
      if (result === 'part') taken++;
      if (result === 'gap') candidate.transport.send(2, campaign.prepareFor(2));
      if (result === 'whole') arrivedWhole();
      // The connection is replaced once, with parts under way.
      if (result === 'part' && taken === 5) void again();
    },
    () => {},
  );
  const effects = {
    persistPromise: () => true,
    readVote: (slot: number) => new Uint8Array(VOTE_BYTES).fill(slot),
    send: (to: number, message: Message) => voter.transport.send(to, message),
    hasRoom: (to: number) => voter.transport.hasRoom(to),
  } as unknown as Effects;
  const votes = Array.from({ length: VOTES }, (_, at) => ({
    slot: at + 1,
    ballot: ballotOf(1, 1),
    kind: BatchKind.commands,
    digest: at as Digest,
    available: true,
  }));
  const state = { promised: ballotOf(1, 1), trimThrough: 0, votes, uncertain: [], voting: true };
  const acceptor = new Acceptor(state, effects);
  acceptor.promise(BALLOT);
  acceptor.durableNow(1);
  const answer = new PromisedAnswer(acceptor, NOTHING_LEARNED, FIRST, effects);
  const open = () =>
    start(
      2,
      (message) => {
        if (message.type === 'prepare') answer.asked(message);
      },
      () => answer.pump(),
    );
  let voter = await open();
  await Promise.all([candidate.up, voter.up]);

  /** The voter's transport is opened anew: what was under way is lost. */
  const again = async () => {
    await voter.transport.close();
    voter = await open();
    await voter.up;
    campaign.tick(() => false);
    candidate.transport.send(2, campaign.prepareFor(2));
    candidate.transport.flush();
  };
  candidate.transport.send(2, campaign.prepareFor(2));
  candidate.transport.flush();
  await whole;

  expect(voter.transport.counters.dropped).toBe(0);
  expect(campaign.isWhole(2)).toBe(true);
});

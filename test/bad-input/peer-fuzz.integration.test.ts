/** A short run of the fuzzer of the peer port; the long one is `npm run fuzz:peers`. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { BALLOT_ROUND_HEARD_MAX } from '../../lib/limits.js';
import type { Message } from '../../lib/paxos/messages.js';
import type { Ballot, Digest } from '../../lib/types.js';
import { diagnosticsDuring } from '../transport/diagnosed.js';
import { frameOf } from '../wire/hostile-messages.js';
import { Attacked, fuzzPeers } from './peer-fuzz.js';

const isMalformed = ({ event }: { event: string }): boolean => event === 'malformed';

const SEED = 1;
const MESSAGES = 1500;

it('hostile numbers neither stop a replica nor keep it from committing', async () => {
  const replay = `npm run fuzz:peers -- --seed ${SEED} --messages ${MESSAGES}`;
  process.stderr.write(`${replay}\n`);
  const { commits } = await fuzzPeers({ seed: SEED, messages: MESSAGES });
  expect(commits, replay).toBeGreaterThan(0);
});

it.each([
  ['the last round that may be heard', BALLOT_ROUND_HEARD_MAX],
  ['a round beyond what may be heard', BALLOT_ROUND_HEARD_MAX + 1],
  ['a round that no campaign has led to', 2 ** 30],
])('a promise asked for at %s costs its link, and nobody promises it', async (_, round) => {
  const attacked = await Attacked.start();
  try {
    const ballot = (round * 65536 + 3) as Ballot;
    const prepare: Message = { type: 'prepare', configuration: 1, ballot, attempt: 0, fromSlot: 1 };
    const seen = await diagnosticsDuring(async (soFar) => {
      for (const to of [1, 2]) await attacked.say(to, true, to, [frameOf(prepare)!]);
      while (soFar.filter(isMalformed).length < 2) await turn();
    });
    const malformed = seen.filter(isMalformed);
    expect(malformed.map(({ peer }) => peer)).toEqual([3, 3]);
    for (const { remote, error } of malformed) {
      expect(remote).not.toBe('');
      expect(error?.message).toMatch(/ballot/);
    }
    expect(await attacked.commits()).toBe(true);
    for (const promised of attacked.promised()) expect(promised).toBeLessThan(1000);
  } finally {
    await attacked.end();
  }
});

it('a batch that does not have its digest costs its link, and stops nobody', async () => {
  const attacked = await Attacked.start();
  try {
    const vote = {
      slot: 1000,
      ballot: 65539 as Ballot,
      digest: 9 as Digest,
      kind: 1,
      bytes: Buffer.of(1),
    } as const;
    const wrong: readonly Message[] = [
      { type: 'chosen', fromSlot: 1000, votes: [vote], learnedThrough: 1000 },
      { type: 'accept', ...vote, ballot: (500 * 65536 + 3) as Ballot, learnedThrough: 0 },
    ];
    const seen = await diagnosticsDuring(async (soFar) => {
      for (const [at, message] of wrong.entries()) await attacked.say(1, true, at + 1, [frameOf(message)!]);
      while (soFar.filter(isMalformed).length < wrong.length) await turn();
    });
    for (const { error } of seen.filter(isMalformed)) expect(error?.message).toMatch(/digest/);
    expect(await attacked.commits()).toBe(true);
  } finally {
    await attacked.end();
  }
});

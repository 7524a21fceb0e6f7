/** One core alone: what it is told, and what it sends. */
import { expect } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { CHAIN_START } from '../../lib/paxos/chain.js';
import type { Accept, Heartbeat, Heartbeaten, Message } from '../../lib/paxos/messages.js';
import type { CoreOptions } from '../../lib/paxos/options.js';
import type { Ballot, Slot } from '../../lib/types.js';
import { batchOf, configurationOf, TestLog, TestNode, TIMING } from './cluster.js';

export const OLD = ballotOf(1, 1);
export const TIMEOUT_TICKS = 1.5 * TIMING.electionTicks;

export function alone(options: Partial<CoreOptions> = {}, log = new TestLog(), members = 3): TestNode {
  return new TestNode(3, log, { configuration: configurationOf(members), ...options });
}

export function heartbeat(ballot: Ballot, more: Partial<Heartbeat> = {}): Heartbeat {
  const rest = { round: 1, learnedThrough: 0, chainSlot: 0, chain: CHAIN_START, lastSlot: 0 };
  return { type: 'heartbeat', ballot, ...rest, ...more };
}

export function heartbeaten(ballot: Ballot, more: Partial<Heartbeaten> = {}): Heartbeaten {
  const through = { coveredThrough: 0, learnedThrough: 0, appliedThrough: 0, trimThrough: 0 };
  return { type: 'heartbeaten', ballot, round: 1, ...through, isShort: false, ...more };
}

export function accept(slot: Slot, ballot: Ballot, text = `v${slot}`): Accept {
  return { type: 'accept', ballot, slot, ...batchOf(text), learnedThrough: 0 };
}

/** Takes what it has sent; at the end of a turn, with everything durable. */
export function sentBy(node: TestNode): { to: number; message: Message }[] {
  node.core.settle();
  node.sync();
  return node.leaving().map(({ to, message }) => ({ to, message }));
}

export const typesOf = (node: TestNode) => sentBy(node).map(({ to, message }) => `${message.type} ${to}`);

export function tick(node: TestNode, ticks: number): void {
  for (let at = 0; at < ticks; at++) node.core.tick();
}

/** Lets the node time out and campaign, welcomed by `by`. @returns its ballot */
export function campaigning(node: TestNode, by = 1): Ballot {
  tick(node, TIMEOUT_TICKS);
  const { message } = node.outbox.findLast(({ message }) => message.type === 'canvass')!;
  const { ballot } = message as { ballot: Ballot };
  node.core.receive(by, { type: 'canvassed', ballot });
  return ballot;
}

/** Lets the node lead, with an empty answer of `by`. @returns its ballot */
export function leading(node: TestNode, by = 1): Ballot {
  const ballot = campaigning(node, by);
  node.sync();
  node.core.receive(by, {
    type: 'promised',
    configuration: 1,
    ...{ ballot, attempt: 1, fromSlot: 1, throughSlot: 1, isLast: true },
    ...{ trimThrough: 0, learnedThrough: 0, votes: [], uncertain: [] },
  });
  expect(node.core.role).toBe('leader');
  return ballot;
}

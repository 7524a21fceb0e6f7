/**
 * The transport contract as a suite: every implementation of lib/transport/transport.ts runs it from its own
 * test file, with a {@link TransportSubject} that says how to make transports that know each other.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { BATCH_BYTES_MAX } from '../../lib/limits.js';
import type { Accept, Message } from '../../lib/paxos/messages.js';
import type { Transport, TransportEvents } from '../../lib/transport/transport.js';
import type { Ballot, Digest, ReplicaId } from '../../lib/types.js';
import { message as anyMessage } from '../wire/arbitraries.js';

/** How the suite reaches one implementation. */
export interface TransportSubject {
  /** A place for replicas 1 … `count`, none of them started. */
  place(count: number): Promise<TransportPlace>;
}

export interface TransportPlace {
  /** A new transport for replica `id`; the one before it has been closed. */
  transport(id: ReplicaId): Transport;
  /** Lets what is under way go on a little. */
  turn(): Promise<void>;
  dispose(): Promise<void>;
}

/** Notes what a transport says. */
export class Witness implements TransportEvents {
  readonly received: { from: ReplicaId; message: Message }[] = [];
  readonly up = new Set<ReplicaId>();
  /** How many messages had been handed over at each `settled`. */
  readonly settledAt: number[] = [];
  readonly roomAgainFor: ReplicaId[] = [];
  ups = 0;
  downs = 0;
  /** Peers whose links were ended at the other end, and not here. */
  readonly ended: ReplicaId[] = [];

  message(from: ReplicaId, message: Message): void {
    this.received.push({ from, message });
  }

  settled(): void {
    this.settledAt.push(this.received.length);
  }

  peerUp(peer: ReplicaId): void {
    this.ups++;
    this.up.add(peer);
  }

  roomAgain(peer: ReplicaId): void {
    this.roomAgainFor.push(peer);
  }

  peerDown(peer: ReplicaId, isEnded: boolean): void {
    this.downs++;
    if (isEnded) this.ended.push(peer);
    this.up.delete(peer);
  }
}

export function acceptOf(slot: number, bytes: Uint8Array): Accept {
  return {
    type: 'accept',
    ballot: 65_537 as Ballot,
    slot,
    kind: 1,
    digest: 3 as Digest,
    bytes,
    learnedThrough: slot - 1,
  };
}

export async function until(place: Pick<TransportPlace, 'turn'>, holds: () => boolean): Promise<void> {
  while (!holds()) await place.turn();
}

interface Group {
  readonly place: TransportPlace;
  readonly transports: Transport[];
  readonly witnesses: Witness[];
}

export function transportContract(name: string, subject: TransportSubject): void {
  const groups: Group[] = [];

  async function group(count: number): Promise<Group> {
    const place = await subject.place(count);
    const made: Group = { place, transports: [], witnesses: [] };
    groups.push(made);
    for (let id = 1; id <= count; id++) await begin(made, id);
    await until(place, () => made.witnesses.every((witness) => witness.up.size === count - 1));
    return made;
  }

  async function begin(made: Group, id: ReplicaId): Promise<void> {
    made.transports[id - 1] = made.place.transport(id);
    made.witnesses[id - 1] = new Witness();
    await made.transports[id - 1]!.start(made.witnesses[id - 1]!);
  }

  afterEach(async () => {
    for (const { transports, place } of groups.splice(0)) {
      await Promise.all(transports.map((transport) => transport.close()));
      await place.dispose();
    }
  });

  describe(`the transport contract: ${name}`, () => {
    it('brings messages of every kind whole, unchanged, in order, and says from whom', async () => {
      const { place, transports, witnesses } = await group(2);
      const sent = fc.sample(anyMessage, { numRuns: 300, seed: 20 });
      for (const message of sent) transports[0]!.send(2, message);
      transports[0]!.flush();
      await until(place, () => witnesses[1]!.received.length >= sent.length);
      expect(witnesses[1]!.received).toEqual(sent.map((message) => ({ from: 1, message })));
      expect(witnesses[0]!.received).toEqual([]);
    });

    it('queues on send, and writes once per peer on flush', async () => {
      const { place, transports, witnesses } = await group(3);
      const before = transports[0]!.counters.writes;
      for (let slot = 1; slot <= 100; slot++) {
        for (const to of [2, 3]) transports[0]!.send(to, acceptOf(slot, Buffer.alloc(50, slot)));
      }
      expect(transports[0]!.counters.writes).toBe(before);
      transports[0]!.flush();
      expect(transports[0]!.counters.writes).toBe(before + 2);
      transports[0]!.flush();
      expect(transports[0]!.counters.writes).toBe(before + 2);
      await until(place, () => witnesses.slice(1).every((witness) => witness.received.length === 100));
    });

    it('brings one message, sent to each, to each', async () => {
      const { place, transports, witnesses } = await group(3);
      const first = acceptOf(1, new Uint8Array(Buffer.alloc(40_000, 1)));
      const second = acceptOf(2, new Uint8Array(Buffer.from('small')));
      for (const message of [first, second]) for (const to of [2, 3]) transports[0]!.send(to, message);
      transports[0]!.flush();
      for (const witness of witnesses.slice(1)) {
        await until(place, () => witness.received.length === 2);
        expect(witness.received.map((each) => each.message)).toEqual([first, second]);
      }
    });

    it('settles after every message, never with one outstanding, and never for nothing', async () => {
      const { place, transports, witnesses } = await group(2);
      for (let slot = 1; slot <= 1000; slot++) transports[1]!.send(1, acceptOf(slot, Buffer.alloc(200)));
      transports[1]!.flush();
      await until(place, () => witnesses[0]!.settledAt.at(-1) === 1000);
      const at = witnesses[0]!.settledAt;
      expect(at[0]).toBeGreaterThan(0);
      expect(at).toEqual([...new Set(at)].sort((a, b) => a - b));
    });

    it('carries the largest batch', async () => {
      const { place, transports, witnesses } = await group(2);
      const bytes = new Uint8Array(BATCH_BYTES_MAX).map((_, i) => i * 7);
      transports[0]!.send(2, acceptOf(9, bytes));
      transports[0]!.flush();
      await until(place, () => witnesses[1]!.received.length === 1);
      const received = witnesses[1]!.received[0]!.message as Accept;
      expect(Buffer.compare(received.bytes, bytes)).toBe(0);
    });

    it('leaves what was received valid and unchanged while more arrives', async () => {
      const { place, transports, witnesses } = await group(2);
      for (let slot = 1; slot <= 200; slot++) {
        transports[0]!.send(2, acceptOf(slot, Buffer.alloc(3000, slot)));
        transports[0]!.flush();
        if (slot % 50 === 0) await until(place, () => witnesses[1]!.received.length === slot);
      }
      for (const { message } of witnesses[1]!.received) {
        const { slot, bytes } = message as Accept;
        expect(Buffer.compare(bytes, Buffer.alloc(3000, slot))).toBe(0);
      }
    });

    it('says of a peer that has closed that it was its end of the link', async () => {
      const { place, transports, witnesses } = await group(3);
      await transports[1]!.close();
      await until(place, () => witnesses[0]!.up.size === 1 && witnesses[2]!.up.size === 1);
      expect([witnesses[0]!.ended, witnesses[2]!.ended]).toEqual([[2], [2]]);
    });

    it('drops and counts what is sent to who is absent or nobody', async () => {
      const { place, transports, witnesses } = await group(2);
      await transports[1]!.close();
      await until(place, () => witnesses[0]!.up.size === 0);
      const { dropped } = transports[0]!.counters;
      transports[0]!.send(2, acceptOf(1, Buffer.alloc(1)));
      transports[0]!.send(9, acceptOf(1, Buffer.alloc(1)));
      transports[0]!.flush();
      expect(transports[0]!.counters.dropped).toBe(dropped + 2);
    });

    it('comes up again after either end was closed and started anew', async () => {
      const made = await group(2);
      for (const id of [2, 1]) {
        const other = made.witnesses[2 - id]!;
        await made.transports[id - 1]!.close();
        await until(made.place, () => other.up.size === 0);
        await begin(made, id);
        await until(made.place, () => made.witnesses.every((witness) => witness.up.size === 1));
        const before = other.received.length;
        made.transports[id - 1]!.send(3 - id, acceptOf(id, new Uint8Array([id])));
        made.transports[id - 1]!.flush();
        await until(made.place, () => other.received.length > before);
        expect(other.received.at(-1)).toEqual({ from: id, message: acceptOf(id, new Uint8Array([id])) });
      }
    });

    it('closes twice without a complaint, and takes nothing afterwards', async () => {
      const { transports } = await group(2);
      await transports[0]!.close();
      await transports[0]!.close();
      transports[0]!.send(2, acceptOf(1, Buffer.alloc(1)));
      transports[0]!.flush();
    });
  });
}

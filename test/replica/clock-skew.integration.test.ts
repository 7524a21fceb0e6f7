/** Replicas on real sockets, one with a wall clock that is an hour off: what the state machine is told. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { CommandView, ResultWriter } from '../../lib/index.js';
import { type Assembly, assemble } from '../../lib/replica/assembly.js';
import { Pledges } from '../../lib/replica/pledges.js';
import { formatStore, type OpenStore, openStore } from '../../lib/replica/store.js';
import type { ClockNews } from '../../lib/replica/time-keeping.js';
import { nodeRuntime } from '../../lib/runtime.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { systemSockets } from '../../lib/transport/sockets.js';
import { TcpTransport } from '../../lib/transport/tcp.js';

const HOUR_MS = 3_600_000;
/** Far more than any machine takes for this test, far less than the clock is off. */
const NEAR_MS = HOUR_MS / 6;
const TUNING = { tickMs: 2, electionTicks: 30, heartbeatTicks: 5 };

/** Notes by how much the time it is told is ahead of the real one, at most and at least. */
class Dated extends Counter {
  readonly aheadMs: number[] = [];
  override execute(command: CommandView, result: ResultWriter): void {
    this.aheadMs.push(command.timeMs - Date.now());
    super.execute(command, result);
  }
}

class Member {
  skewMs = 0;
  readonly news: ClockNews[] = [];
  readonly machine = new Dated();
  isStopped = false;
  readonly store: OpenStore;
  readonly parts: Assembly;
  readonly pledges: Pledges;

  constructor(store: OpenStore, options: { listen: string; peers: ReadonlyMap<number, string> }) {
    this.store = store;
    const runtime = { ...nodeRuntime, wallMs: () => Date.now() + this.skewMs };
    const nothing = (): void => {};
    this.parts = assemble(
      store,
      { ...options, stateMachine: this.machine, keys: undefined, tuning: TUNING },
      {
        role: nothing,
        peer: nothing,
        checkpoint: nothing,
        damage: nothing,
        disk: nothing,
        clock: (news) => this.news.push(news),
        checkpointProblem: nothing,
        transfer: nothing,
        halted: nothing,
        members: nothing,
        failure: (error) => {
          throw error;
        },
        ticked: (nowMs) => this.pledges.tick(nowMs),
      },
      { runtime, sockets: systemSockets, transport: (given) => new TcpTransport(given) },
    );
    this.pledges = new Pledges(this.parts.host, this.parts.tuning);
  }

  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    await this.parts.host.stop();
    this.pledges.stop();
    await this.parts.transport.close();
    await this.parts.host.checkpointsSettled();
    await this.store.close();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'indelible-skew-'));
let members: Member[] = [];
afterEach(async () => {
  for (const member of members) await member.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(): Promise<void> {
  const hex32 = (): string => randomBytes(16).toString('hex');
  const clusterId = hex32();
  const configuration = { number: 1, members: [1, 2, 3].map((id) => ({ id, storeUuid: hex32() })) };
  const addressOf = (id: number): string => `unix:${join(directory, `${id}.sock`)}`;
  const peers = new Map([1, 2, 3].map((id) => [id, addressOf(id)]));
  for (const { id, storeUuid } of configuration.members) {
    const path = join(directory, String(id));
    mkdirSync(path);
    const storage = { mode: 'memory', disk: new MemoryDisk() } as const;
    const identity = { clusterId, replicaId: id, storeUuid };
    await formatStore(
      path,
      storage,
      { identity, logBytes: 1 << 20, recordBytesMax: 64 << 10 },
      configuration,
    );
    const member = new Member(await openStore(path, storage), { listen: addressOf(id), peers });
    members.push(member);
    await member.parts.host.start();
  }
}

async function leader(): Promise<Member> {
  for (;;) {
    const led = members.find(({ parts, isStopped }) => !isStopped && parts.host.leads);
    if (led !== undefined) return led;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function add(times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const result = await Promise.allSettled([(await leader()).pledges.propose(Buffer.from('add 1'))]);
    if (result[0]!.status === 'fulfilled') done++;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

it.each([HOUR_MS, -HOUR_MS])('a clock that is off by %d ms dates nothing, whoever leads', async (skewMs) => {
  members = [];
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  await start();
  await add(20);
  // The leader's own clock jumps: it says so, and stamps on as before.
  const skewed = await leader();
  skewed.skewMs = skewMs;
  await until(() => skewed.news.some(({ isOff }) => isOff));
  expect(Math.abs(skewed.news[0]!.aheadMs - skewMs)).toBeLessThan(NEAR_MS);
  await add(50);
  // Another leads, and then whoever is left, the one that is off among them.
  const others = members.filter((member) => member !== skewed);
  await others[0]!.stop();
  await add(50);
  for (const { machine } of members) {
    for (const aheadMs of machine.aheadMs) expect(Math.abs(aheadMs)).toBeLessThan(NEAR_MS);
  }
  expect(skewed.parts.status().advice).toMatch(/the clock of this machine is/);
});

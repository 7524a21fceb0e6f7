/** Traces tell the way of commands in order, and leave the replica as they found it. */
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { traceLines } from '../../lib/cli/trace-command.js';
import { tracePicture } from '../../lib/cli/trace-picture.js';
import { openHttp, type Replica, type Trace } from '../../lib/index.js';
import { Host } from '../../lib/replica/host.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

const ADD = Buffer.from('add 1');

let cluster: TestCluster;
afterEach(() => cluster.closeAll());

async function start(size: number): Promise<Replica> {
  const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
  cluster = await TestCluster.start({ size, machine: () => new Counter(), storage });
  return await cluster.leader();
}

/** Asks for commands until the traces are there. */
async function whileAsking(replica: Replica, traces: Promise<readonly Trace[]>): Promise<readonly Trace[]> {
  let isDone = false;
  const ended = traces.finally(() => {
    isDone = true;
  });
  while (!isDone) await replica.propose(ADD).catch(() => {});
  return ended;
}

const whats = ({ steps }: Trace): string[] => steps.map(({ what }) => what);

describe('traces', () => {
  it('tell each step of a command, in order and in time', async () => {
    const replica = await start(1);
    const traces = await whileAsking(replica, replica.trace(3));
    expect(traces).toHaveLength(3);
    for (const trace of traces) {
      expect(whats(trace)).toEqual(['received', 'proposed', 'durable', 'chosen', 'answered']);
      expect(trace.steps.map(({ ms }) => ms)).toEqual(
        trace.steps.map(({ ms }) => ms).toSorted((a, b) => a - b),
      );
      expect(trace).toMatchObject({ commands: 1, slot: expect.any(Number) });
    }
    expect(new Set(traces.map(({ slot }) => slot)).size).toBe(3);
  });

  it('have the word of a peer before a command is chosen', async () => {
    const leader = await start(3);
    const [trace] = await whileAsking(leader, leader.trace(1));
    const before = trace!.steps.slice(0, whats(trace!).indexOf('chosen'));
    const durable = before.filter(({ what }) => what === 'durable').map(({ replica }) => replica);
    expect(durable.length).toBeGreaterThanOrEqual(2);
    expect(new Set(durable).size).toBe(durable.length);
  });

  it('cost nothing when they are off: everything is as it was', async () => {
    const replica = await start(1);
    await whileAsking(replica, replica.trace(1));
    const host = replica.service as Host;
    expect(host.submit).toBe(Host.prototype.submit);
    expect(host.message).toBe(Host.prototype.message);
    expect(host.executor.apply).toBe(Object.getPrototypeOf(host.executor).apply);
    expect(Buffer.from(await replica.propose(ADD)).toString()).toMatch(/^\d+$/);
  });

  it('end with a signal, with what there is by then, and are taken one call at a time', async () => {
    const replica = await start(1);
    const ending = new AbortController();
    const traces = replica.trace(1000, { signal: ending.signal });
    await replica.propose(ADD);
    await expect(replica.trace(1)).rejects.toThrow(/taken here already/);
    ending.abort();
    expect(await traces).toHaveLength(1);
    await expect(replica.trace(0)).rejects.toThrow(RangeError);
    expect(await replica.trace(5, { signal: AbortSignal.abort() })).toEqual([]);
  });

  it('are told over HTTP, as a table and as a picture', async () => {
    const replica = await start(1);
    const http = await openHttp(replica, { port: 0 });
    const ask = async (query: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${http.port}/trace?${query}`);
    const answer = ask('commands=2&seconds=60').then((response) => response.json() as Promise<Trace[]>);
    const traces = await whileAsking(replica, answer);
    expect(traces).toHaveLength(2);
    const lines = traceLines(traces);
    expect(lines[0]).toMatch(/^slot {2}commands {2}proposed {2}durable 1 {2}chosen {2}answered$/);
    expect(lines).toHaveLength(4);
    expect(tracePicture(traces)).toMatch(/^<svg [\s\S]*Where the time of 2 commands went[\s\S]*<\/svg>\n$/);
    expect(traceLines([])[0]).toMatch(/no command was asked/);
    for (const query of ['commands=0', 'commands=x', 'seconds=61'])
      expect((await ask(query)).status).toBe(400);
    await http.close();
  });
});

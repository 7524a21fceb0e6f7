/** What a replica exports is what docs/metrics.md says, in a form that Prometheus reads; and it counts. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { type Metric, openHttp, type Replica } from '../../lib/index.js';
import { kvMetrics } from '../../lib/kv/metrics.js';
import { createKvServer } from '../../lib/kv/server.js';
import { KvStateMachine } from '../../lib/kv/state-machine.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { PROJECT_ROOT } from '../packaging/sources.js';
import { TestCluster } from '../replica/cluster.js';

let cluster: TestCluster;
let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
  await cluster.closeAll();
});

/** One alone never loses the lead, however slow the machine is. */
async function start(size = 1): Promise<Replica> {
  const storage = () => ({ mode: 'memory', disk: new MemoryDisk() }) as const;
  cluster = await TestCluster.start({ size, machine: () => new Counter(), storage });
  return await cluster.leader();
}

/** What the port of `replica` answers, as `serve` opens it. */
async function scrape(replica: Replica, target: string): Promise<Response> {
  const machine = new KvStateMachine();
  const server = await createKvServer({ port: 0, service: replica.service });
  const http = await openHttp(replica, {
    port: 0,
    directory: cluster.directory,
    extraMetrics: () => kvMetrics(machine, server),
  });
  closing.push(
    () => http.close(),
    () => server.close(),
  );
  return fetch(`http://127.0.0.1:${http.port}${target}`);
}

interface Row {
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** The tables of the page. */
function documented(): Map<string, Row> {
  const page = fs.readFileSync(path.join(PROJECT_ROOT, 'docs', 'metrics.md'), 'utf8');
  const rows = page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \| (.*) \|$/gm);
  return new Map(
    [...rows].map(([, name, type, labels, help]) => [
      name!,
      { type: type!, labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!), help: help! },
    ]),
  );
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/;

/** The families of a text, by the grammar of Prometheus's format. @throws for what does not follow it */
function exported(text: string): Map<string, Row> {
  const families = new Map<string, { type: string; help: string; labels: Set<string> }>();
  let current = '';
  for (const line of text.trimEnd().split('\n')) {
    const [, help, sentence] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (help !== undefined) {
      if (families.has(help)) throw new Error(`${help} comes twice`);
      families.set(help, { type: '', help: sentence!, labels: new Set() });
      current = help;
    } else if (typed !== undefined) {
      if (typed !== current) throw new Error(`the type of ${typed} is not behind its help`);
      families.get(current)!.type = type!;
    } else {
      const [, name, labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      const base =
        families.get(current)?.type === 'histogram' ? name?.replace(/_(bucket|sum|count)$/, '') : name;
      if (base !== current || Number.isNaN(Number(value))) throw new Error(`no sample: ${line}`);
      for (const [, label] of labels.matchAll(/(\w+)=/g)) families.get(current)!.labels.add(label!);
    }
  }
  return new Map(
    [...families].map(([name, { type, help, labels }]) => {
      const own = [...labels].filter((label) => label !== 'le' && label !== 'replica');
      return [name, { type, help, labels: own }];
    }),
  );
}

function valueIn(metrics: readonly Metric[], name: string, labels: object = {}): number {
  const metric = metrics.find((each) => each.name === name);
  if (metric?.type === 'histogram') return metric.histogram.count;
  const found = metric?.samples.find((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found.value;
}

describe('metrics', () => {
  it('are those of docs/metrics.md: names, types, labels and words', async () => {
    const leader = await start(3);
    await cluster.until(() => {
      const lags = leader.metrics().find(({ name }) => name === 'indelible_peer_round_trip_seconds');
      return lags?.type === 'gauge' && lags.samples.length > 0;
    });
    await leader.checkpoint();
    const answer = await scrape(leader, '/metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const told = exported(await answer.text());
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(documented()));
  });

  it('say in their names what they are', async () => {
    await start();
    for (const [name, { type }] of documented()) {
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes|commands)$/);
    }
  });

  it('count what is done', async () => {
    const leader = await start();
    await leader.propose(Buffer.from('add 1'));
    const before = leader.metrics();
    for (let i = 0; i < 10; i++) await leader.propose(Buffer.from('add 1'));
    await leader.read(Buffer.from('value'));
    await leader.checkpoint();
    const after = leader.metrics();
    const more = (name: string, labels?: object): number =>
      valueIn(after, name, labels) - valueIn(before, name, labels);
    expect(more('indelible_commands_total')).toBe(10);
    expect(more('indelible_commit_seconds')).toBe(10);
    expect(more('indelible_queries_total')).toBe(1);
    expect(more('indelible_checkpoints_total', { from: 'self' })).toBe(1);
    expect(more('indelible_checkpoint_write_seconds')).toBe(1);
    expect(more('indelible_learned_slot')).toBeGreaterThan(0);
    expect(more('indelible_persist_seconds')).toBeGreaterThan(0);
    expect(more('indelible_batch_commands')).toBe(more('indelible_batch_bytes'));
    expect(more('indelible_turn_seconds')).toBeGreaterThan(0);
    expect(valueIn(after, 'indelible_role', { role: 'leader' })).toBe(1);
  });

  it('tell of peers that are away, and of a replica that is closed as it was', async () => {
    const leader = await start(3);
    const [away] = cluster.ids.filter((id) => id !== leader.identity.replicaId);
    await cluster.close(away!);
    await cluster.until(
      () => valueIn(leader.metrics(), 'indelible_peer_connected', { peer: String(away) }) === 0,
    );
    await cluster.close(leader.identity.replicaId);
    const metrics = leader.metrics();
    expect(valueIn(metrics, 'indelible_leads_total')).toBeGreaterThan(0);
  });

  it('come with probes: alive, and ready while a quorum serves', async () => {
    const leader = await start();
    const alive = await scrape(leader, '/livez');
    expect([alive.status, await alive.text()]).toEqual([200, 'ok\n']);
    const ready = await scrape(leader, '/readyz?verbose');
    expect(ready.status).toBe(200);
    expect(await ready.text()).toMatch(/^ok {3}running: leader\nok {3}quorum: it leads\n(ok .*\n)*ready\n$/);
  });

  it('come with probes that fail where no quorum serves, while the replica lives', async () => {
    const leader = await start(3);
    for (const id of cluster.ids) if (id !== leader.identity.replicaId) await cluster.close(id);
    await cluster.until(() => leader.status().leader === 0);
    const alone = await scrape(leader, '/readyz?format=json');
    expect(alone.status).toBe(503);
    expect(await alone.json()).toMatchObject({ level: 'fail' });
    expect((await scrape(leader, '/livez')).status).toBe(200);
  });
});

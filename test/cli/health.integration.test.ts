/** `indelible health` against a real cluster: its lines and its exit codes. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ClusterProcess,
  freePorts,
  indelible,
  type Ports,
  temporaryDirectory,
} from '../cluster/cluster-process.js';

const directory = temporaryDirectory();
const data = path.join(directory, 'data');
let ports: Ports;
let cluster: ClusterProcess;

beforeAll(async () => {
  ports = await freePorts();
  const { port, peerPort } = ports;
  const args = [
    '--dir',
    data,
    '--port',
    String(port),
    '--peer-port',
    String(peerPort),
    '--region-size',
    '20MiB',
  ];
  cluster = new ClusterProcess([...args, '--replicas', '1']);
  await cluster.event('up');
});
afterAll(async () => {
  await cluster.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

describe('indelible health', () => {
  it('is 0 for a cluster that is well', async () => {
    const { code, out } = await indelible('health', '--dir', data);
    expect([code, out]).toEqual([0, 'ok   replica 1\nok   replica 1 leads\n']);
    const { out: json } = await indelible('health', '--dir', data, '--json');
    expect(JSON.parse(json)).toMatchObject({ level: 'ok', verdict: { leader: 1 }, replicas: [{ id: 1 }] });
  });

  it('is 0 for a replica that is ready, asked over HTTP', async () => {
    const address = `127.0.0.1:${ports.peerPort + 200}`;
    const { code, out } = await indelible('health', address);
    expect(code).toBe(0);
    expect(out).toMatch(/^ok {3}running: leader\nok {3}quorum: it leads\n/);
    expect(out).toMatch(/^(ok {3}|warn )disk: /m);
    const { out: json } = await indelible('health', address, '--json');
    expect(JSON.parse(json)).toMatchObject({ checks: expect.any(Array) });
  });

  it('is 4 where nobody answers, and 2 for a wrong command line', async () => {
    const nobody = await indelible('health', `127.0.0.1:${ports.port + 9}`);
    expect([nobody.code, nobody.problems]).toEqual([4, expect.stringMatching(/does not answer/)]);
    const key = ['--key-file', path.join(data, 'cluster-key')];
    const none = await indelible('health', '--peers', `1=127.0.0.1:${ports.peerPort + 9}`, ...key);
    expect([none.code, none.out]).toEqual([4, expect.stringMatching(/^fail replica 1: does not answer/)]);
    expect((await indelible('health', 'nonsense')).code).toBe(2);
  });
});

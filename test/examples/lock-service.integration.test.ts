/** The lock service: what a lock protects is never written by who held it before, and locks survive. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LockService, ProtectedLog, type Token } from '../../examples/lock-service.js';
import type { Session } from '../../lib/index.js';
import { TestCluster } from '../replica/cluster.js';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start({
    machine: () => new LockService(),
    storage: () => ({ mode: 'emulated' }),
  });
});
afterEach(() => cluster.closeAll());

type Answer = { token?: Token; heldBy?: string; released?: boolean; refused?: string };

const say = async (session: Session, request: object): Promise<Answer> =>
  JSON.parse(Buffer.from(await session.propose(Buffer.from(JSON.stringify(request)))).toString()) as Answer;

/** Asks until the lock is free; replicated time passes meanwhile. */
async function acquire(session: Session, holder: string, forMs: number): Promise<Token> {
  for (;;) {
    const { token } = await say(session, { acquire: 'printer', holder, forMs });
    if (token !== undefined) return token;
  }
}

it('a resource refuses who held the lock before, over a change of leaders too', async () => {
  const printer = new ProtectedLog();
  const leader = await cluster.leader();
  const id = leader.identity.replicaId;
  const staying = [...cluster.replicas.values()].find((replica) => replica !== leader)!;
  const session = await staying.session();

  const anns = await acquire(session, 'ann', 10);
  expect(printer.write(anns, 'ann 1')).toBe(true);
  // Ann is paused; her lock runs out, and the leader dies.
  await cluster.close(id);
  const bobs = await acquire(session, 'bob', 3_600_000);
  expect(printer.write(bobs, 'bob 1')).toBe(true);
  // She goes on, and believes that she holds it.
  expect(printer.write(anns, 'ann 2')).toBe(false);
  expect(printer.write(bobs, 'bob 2')).toBe(true);
  expect(printer.entries).toEqual(['ann 1', 'bob 1', 'bob 2']);

  expect(await say(session, { acquire: 'printer', holder: 'ann', forMs: 1 })).toEqual({ heldBy: 'bob' });
  expect(await say(session, { release: 'printer', holder: 'ann' })).toEqual({ released: false });
  expect(await say(session, { release: 'printer' })).toMatchObject({ refused: expect.any(String) });
  for (const other of cluster.ids) await cluster.close(other);
  for (const other of cluster.ids) await cluster.open(other);
  const next = await cluster.leader();
  expect(Buffer.from(await next.read(Buffer.from('printer'))).toString()).toBe('"bob"');
  const again = await next.session();
  expect(await say(again, { release: 'printer', holder: 'bob' })).toEqual({ released: true });
  const cys = await acquire(again, 'cy', 3_600_000);
  expect(printer.write(cys, 'cy 1')).toBe(true);
  expect(printer.write(bobs, 'bob 3')).toBe(false);
});

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSync, parseServeFile, serveConfig } from '../../lib/cluster/serve-config.js';

const FLAGS = {
  directory: '/var/lib/indelible',
  listen: '10.0.0.1:7101',
  insecurePeers: true,
  peers: '1=10.0.0.1:7101',
};

describe('the configuration of a replica', () => {
  it('has defaults for what may be left out', () => {
    expect(serveConfig({}, FLAGS)).toEqual({
      directory: '/var/lib/indelible',
      backend: 'emulated',
      sync: 'none',
      listen: '10.0.0.1:7101',
      redis: undefined,
      peers: new Map([[1, '10.0.0.1:7101']]),
      logLevel: 'info',
      store: undefined,
      key: undefined,
      tls: undefined,
      tuning: {},
      service: {},
    });
  });

  it('comes from a file as from flags, flags winning', () => {
    const file = parseServeFile(
      JSON.stringify({
        ...FLAGS,
        backend: 'file',
        redis: '10.0.0.1:7001',
        insecureRedis: true,
        peers: { 1: '10.0.0.1:7101', 2: '10.0.0.2:7101' },
        logLevel: 'warn',
        leaderWait: 500,
        watch: 250,
      }),
    );
    const config = serveConfig(file, { logLevel: 'debug' });
    expect(config).toMatchObject({
      backend: 'file',
      logLevel: 'debug',
      redis: { host: '10.0.0.1', port: 7001 },
    });
    expect([...config.peers.keys()]).toEqual([1, 2]);
    expect(config.tuning).toEqual({ leaderWaitMs: 500, watchMs: 0.25 });
    expect(serveConfig(file, { watch: 0 }).tuning).toEqual({ leaderWaitMs: 500, watchMs: 0 });
  });

  it.each(['directory', 'listen', 'peers'] as const)('must have %s', (name) => {
    const { [name]: _, ...rest } = FLAGS;
    expect(() => serveConfig({}, rest)).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }));
  });

  it.each([
    ['no JSON', '{', /not JSON/],
    ['a name nobody knows', '{"colour":"red"}', /colour/],
    ['a backend nobody knows', '{"backend":"tape"}', /backend/],
    ['a number for an address', '{"listen":7101}', /listen/],
  ])('is not %s', (_, text, sentence) => {
    expect(() => parseServeFile(text)).toThrow(sentence);
  });

  it.each(['10.0.0.1:7101', '0.0.0.0:7101', '[::]:7101', 'host:7101'])(
    'has no peer port on %s unless that is said',
    (listen) => {
      expect(() => serveConfig({}, { ...FLAGS, listen, insecurePeers: false })).toThrow(/--insecure-peers/);
      expect(serveConfig({}, { ...FLAGS, listen }).listen).toBe(listen);
    },
  );

  it.each(['127.0.0.1:7101', '127.1.2.3:7101', '[::1]:7101', 'localhost:7101', 'unix:/run/indelible'])(
    'may have its peer port on %s, which only this machine reaches',
    (listen) => {
      expect(serveConfig({}, { ...FLAGS, listen, insecurePeers: false }).listen).toBe(listen);
    },
  );

  it('has no Redis port on a network without a password unless that is said', () => {
    const open = { ...FLAGS, redis: '0.0.0.0:7001' };
    expect(() => serveConfig({}, open)).toThrow(/--password-file/);
    expect(serveConfig({}, { ...open, insecureRedis: true }).redis).toEqual({ host: '0.0.0.0', port: 7001 });
    expect(serveConfig({}, { ...open, redis: '127.0.0.1:7001' }).redis?.port).toBe(7001);
  });

  it('has its users in a file, and then no password beside, and is guarded if each of them has one', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-acl-'));
    try {
      const aclFile = path.join(directory, 'users.acl');
      const open = { ...FLAGS, redis: '0.0.0.0:7001', aclFile };
      expect(() => serveConfig({}, open)).toThrow(/there is no file .*users\.acl/);
      fs.writeFileSync(aclFile, 'user default on >secret ~* +@all\n', { mode: 0o640 });
      expect(() => serveConfig({}, open)).toThrow(/other users may read or write .*chmod 600/);
      fs.chmodSync(aclFile, 0o600);
      expect(serveConfig({}, open).service.users?.default.hasPassword).toBe(true);
      expect(() => serveConfig({ passwordFile: aclFile }, open)).toThrow(/--acl-file .* --password-file/);
      fs.appendFileSync(aclFile, 'user ann on nopass +ping\n');
      expect(() => serveConfig({}, open)).toThrow(/every user has a password/);
      expect(serveConfig({}, { ...open, insecureRedis: true }).service.aclFile).toBe(aclFile);
      fs.appendFileSync(aclFile, 'user bob on +nosuch\n');
      expect(() => serveConfig({}, open)).toThrow(/users\.acl, line 3: \+nosuch of user bob/);
      expect(parseServeFile(JSON.stringify({ aclFile }))).toEqual({ aclFile });
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });

  it('knows msync only for emulated regions', () => {
    checkSync('emulated', 'msync');
    expect(() => checkSync('file', 'msync')).toThrow(/--backend emulated/);
    expect(() => checkSync('pmem', 'msync')).toThrow(/--backend emulated/);
  });
});

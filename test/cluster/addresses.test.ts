import { describe, expect, it } from 'vitest';
import {
  bindError,
  clusterAddresses,
  parseHostPort,
  parsePeers,
  parsePort,
} from '../../lib/cluster/addresses.js';

describe('a port', () => {
  it.each([
    ['1', 1],
    ['65535', 65535],
  ])('can be %s', (text, port) => {
    expect(parsePort(text, '--port')).toBe(port);
  });

  it.each(['0', '65536', '-1', '7001x', '', '1e3', '7001.0'])('cannot be %j', (text) => {
    expect(() => parsePort(text, '--port')).toThrow(/--port must be a port from 1 to 65535/);
  });
});

describe('an address', () => {
  it('has a host and a port', () => {
    expect(parseHostPort('10.0.0.1:7001', '--redis')).toEqual({ host: '10.0.0.1', port: 7001 });
    expect(parseHostPort('[::1]:7001', '--redis')).toEqual({ host: '::1', port: 7001 });
  });

  it.each(['7001', 'host', 'host:', ':7001', '::1:7001', 'host:70000', 'host:0', 'unix:/tmp/s', ''])(
    'is not %j',
    (text) => {
      expect(() => parseHostPort(text, '--redis')).toThrow(/--redis/);
    },
  );
});

describe('a list of peers', () => {
  it('gives every replica its address', () => {
    const peers = parsePeers('1=10.0.0.1:7101, 2=[::1]:7102,3=unix:/run/three', '--peers');
    expect([...peers]).toEqual([
      [1, '10.0.0.1:7101'],
      [2, '[::1]:7102'],
      [3, 'unix:/run/three'],
    ]);
  });

  it.each(['', '1', '=a:1', 'x=a:1', '0=a:1', '65536=a:1', '1=a', '1=a:1,', '1=a:1,1=b:1'])(
    'is not %j',
    (text) => {
      expect(() => parsePeers(text, '--peers')).toThrow(
        expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
      );
    },
  );
});

describe('the addresses of a cluster', () => {
  it('follow one another, clients where asked, peers and HTTP on loopback', () => {
    const addresses = clusterAddresses([1, 2, 3], '0.0.0.0', { port: 7001, meeting: { peerPort: 7101 } });
    expect(addresses.map(({ redis }) => redis)).toEqual(
      [7001, 7002, 7003].map((port) => ({ host: '0.0.0.0', port })),
    );
    expect(addresses.map(({ peer }) => peer)).toEqual(
      [7101, 7102, 7103].map((port) => ({ host: '127.0.0.1', port })),
    );
    expect(addresses.map(({ http }) => http)).toEqual(
      [7301, 7302, 7303].map((port) => ({ host: '127.0.0.1', port })),
    );
  });

  it('are sockets for peers in the directory where these meet; then HTTP follows the Redis ports', () => {
    const addresses = clusterAddresses([1, 3], '0.0.0.0', { port: 7011, meeting: { place: '/data/peers' } });
    expect(addresses.map(({ peer }) => peer)).toEqual([
      { path: '/data/peers/replica-1' },
      { path: '/data/peers/replica-3' },
    ]);
    expect(addresses.map(({ http }) => http?.port)).toEqual([7311, 7313]);
    const bases = { port: 7001, meeting: { place: '/data/peers' }, httpPort: 7002 };
    expect(() => clusterAddresses([1, 2, 3], '127.0.0.1', bases)).toThrow(/--port 7001 and --http-port 7002/);
  });

  it('have HTTP ports where they are wanted, or none', () => {
    const bases = { port: 7001, meeting: { peerPort: 7101 } };
    const [first] = clusterAddresses([1], '127.0.0.1', { ...bases, httpPort: 9001 });
    expect(first?.http).toEqual({ host: '127.0.0.1', port: 9001 });
    const [without] = clusterAddresses([1], '127.0.0.1', { ...bases, httpPort: 0 });
    expect(without).not.toHaveProperty('http');
  });

  it.each([
    [7001, 7003, undefined, /overlap/],
    [7003, 7001, undefined, /overlap/],
    [7001, 7101, 7102, /--peer-port 7101 and --http-port 7102 overlap/],
    [65_534, 7101, undefined, /leaves no 3 ports/],
    [7001, 65_534, undefined, /leaves no 3 ports/],
    [7001, 7101, 65_534, /--http-port 65534 leaves no 3 ports/],
  ])('must not overlap or run out: %i, %i, %s', (port, peerPort, httpPort, sentence) => {
    const bases = { port, meeting: { peerPort }, httpPort };
    expect(() => clusterAddresses([1, 2, 3], '127.0.0.1', bases)).toThrow(sentence);
  });
});

describe('a failed bind', () => {
  it.each([
    ['EADDRINUSE', /another process listens on 127.0.0.1:7001 already/],
    ['EADDRNOTAVAIL', /not an address of this machine/],
    ['EACCES', /may not listen/],
    ['EWHATEVER', /cannot listen on 127.0.0.1:7001/],
  ])('with %s says what is the matter', (code, sentence) => {
    const cause = Object.assign(new Error('bind'), { code });
    const error = bindError({ host: '127.0.0.1', port: 7001 }, 'Redis port of replica 1', cause);
    expect(error.message).toMatch(sentence);
    expect(error.message).toMatch(/Redis port of replica 1/);
    expect(error.code).toBe('ERR_INDELIBLE_NETWORK');
  });
});

import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { formatAddress, parseAddress } from '../../lib/transport/address.js';

describe('addresses', () => {
  it('are host and port, or the path of a Unix socket', () => {
    expect(parseAddress('127.0.0.1:7101')).toEqual({ host: '127.0.0.1', port: 7101 });
    expect(parseAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
    expect(parseAddress('unix:/run/a b')).toEqual({ path: '/run/a b' });
  });

  it('are written as they are read', () => {
    for (const text of ['db-1.example:65535', '[fe80::1%eth0]:80', 'unix:relative/path']) {
      expect(formatAddress(parseAddress(text))).toBe(text);
    }
  });

  it('that are none are refused with a code', () => {
    const wrong = ['', 'host', ':80', 'host:', 'host:65536', 'host:-1', '::1:80', 'a b:1', 'unix:'];
    for (const text of [...wrong, `unix:/${'x'.repeat(120)}`]) {
      expect(() => parseAddress(text), text).toThrow(expect.objectContaining({ code: ErrorCode.network }));
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digitsOf, parseInteger, parseSmallInteger, writeInteger } from '../../../lib/kv/resp/integer.js';
import { Output } from '../../../lib/kv/resp/output.js';
import { Reply } from '../../../lib/kv/resp/reply.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/resp/reply.test.ts';

/** What a reply writes in RESP2 and in RESP3. */
function both(write: (reply: Reply) => void): [string, string] {
  const texts = [false, true].map((resp3) => {
    const out = new Output(1, 1);
    const reply = new Reply(out);
    reply.resp3 = resp3;
    write(reply);
    return out.take().toString('latin1');
  });
  return [texts[0]!, texts[1]!];
}

describe('replies', () => {
  it('are the same in both versions where the versions agree', () => {
    const text = both((reply) => {
      reply.ok();
      reply.integer(-12);
      reply.bigInteger(2n ** 63n - 1n);
      reply.bulkText('a\r\nb');
      reply.array(2);
      reply.status('QUEUED');
    });
    expect(text[0]).toBe('+OK\r\n:-12\r\n:9223372036854775807\r\n$4\r\na\r\nb\r\n*2\r\n+QUEUED\r\n');
    expect(text[1]).toBe(text[0]);
  });

  it('have nulls, maps, sets and verbatim text of their version', () => {
    expect(both((reply) => reply.null())).toEqual(['$-1\r\n', '_\r\n']);
    expect(both((reply) => reply.nullArray())).toEqual(['*-1\r\n', '_\r\n']);
    expect(both((reply) => reply.map(2))).toEqual(['*4\r\n', '%2\r\n']);
    expect(both((reply) => reply.set(2))).toEqual(['*2\r\n', '~2\r\n']);
    expect(both((reply) => reply.verbatim('é'))).toEqual(['$2\r\nÃ©\r\n', '=6\r\ntxt:Ã©\r\n']);
  });

  it('never have a line break in an error', () => {
    expect(both((reply) => reply.error("ERR unknown command 'a\r\n+OK'"))[0]).toBe(
      "-ERR unknown command 'a  +OK'\r\n",
    );
  });
});

describe('integers', () => {
  it('are written as JavaScript would write them', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const bytes = Buffer.alloc(32);
        expect(bytes.toString('latin1', 0, writeInteger(bytes, 0, value))).toBe(String(value));
        expect(digitsOf(Math.abs(value))).toBe(String(Math.abs(value)).length);
      }),
      seeded(FILE, 400),
    );
  });

  it('are read back as they were, to 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = Buffer.from(value.toString());
        expect(parseInteger(bytes, 0, bytes.length)).toBe(value);
        const small = parseSmallInteger(bytes, 0, bytes.length);
        if (!Number.isNaN(small)) expect(BigInt(small)).toBe(value);
        else expect(bytes.length).toBeGreaterThan(15);
      }),
      seeded(FILE, 400),
    );
  });

  it.each([
    '',
    '-',
    '+1',
    '01',
    '-0',
    '1 ',
    ' 1',
    '1.0',
    '1e3',
    '0x1',
    '9223372036854775808',
    '99999999999999999999',
  ])('are not %j', (text) => {
    const bytes = Buffer.from(text);
    expect(parseInteger(bytes, 0, bytes.length)).toBeUndefined();
    expect(parseSmallInteger(bytes, 0, bytes.length)).toBeNaN();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../lib/kv/resp/protocol-error.js';
import { PARSER_LIMITS, type ParserLimits, RequestParser } from '../../../lib/kv/resp/request-parser.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/resp/request-parser.test.ts';

function request(argv: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${argv.length}\r\n`)];
  for (const argument of argv) {
    parts.push(Buffer.from(`$${argument.length}\r\n`), argument, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** Every request in the chunks, its arguments as latin1; the protocol error's text last, if there was one. */
function parse(chunks: readonly Buffer[], limits: Partial<ParserLimits> = {}): (string[] | string)[] {
  const parser = new RequestParser({ ...PARSER_LIMITS, ...limits });
  const requests: (string[] | string)[] = [];
  try {
    for (const chunk of chunks) {
      const copy = Buffer.from(chunk);
      parser.feed(copy);
      while (parser.next()) {
        const argv: string[] = [];
        for (let i = 0; i < parser.argc; i++) {
          argv.push(parser.bytes.toString('latin1', parser.starts[i], parser.ends[i]));
        }
        requests.push(parser.excess === undefined ? argv : [`too long: ${parser.excess}`]);
      }
      copy.fill(0x21);
      const most = limits.requestBytesMax ?? PARSER_LIMITS.requestBytesMax;
      expect(parser.pendingBytes).toBeLessThanOrEqual(most);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    requests.push(error.message);
  }
  return requests;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    chunks.push(bytes.subarray(from, end));
    from = end;
  }
  return chunks;
}

const argv = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });
const inline = fc.constantFrom(
  'PING\r\n',
  'set a "b c"\n',
  "get 'x\\'y'\r\n",
  '\r\n',
  '  incr   n \r\n',
  '*0\r\n',
);
const stream = fc.array(
  fc.oneof(
    argv.map(request),
    inline.map((line) => Buffer.from(line)),
  ),
  { maxLength: 12 },
);

describe('requests out of bytes', () => {
  it('gives arrays of bulk strings, empty and binary ones too', () => {
    expect(parse([request([Buffer.from('SET'), Buffer.from('k\r\n\0'), Buffer.alloc(0)])])).toEqual([
      ['SET', 'k\r\n\0', ''],
    ]);
  });

  it('splits inline requests as Redis does', () => {
    const text = 'set k "a\\x41\\n\\"" \'b\\\'c\\n\'  \r\nping\n\r\n   \r\nget k\r\n';
    expect(parse([Buffer.from(text)])).toEqual([['set', 'k', 'aA\n"', "b'c\\n"], ['ping'], ['get', 'k']]);
  });

  it('ignores empty and negative arrays', () => {
    expect(parse([Buffer.from('*0\r\n*-1\r\nPING\r\n')])).toEqual([['PING']]);
  });

  it.each([
    ['*x\r\n', 'Protocol error: invalid multibulk length'],
    ['*01\r\n', 'Protocol error: invalid multibulk length'],
    ['*1000000000\r\n', 'Protocol error: invalid multibulk length'],
    ['*999999999999999999999\r\n', 'Protocol error: invalid multibulk length'],
    ['*1\r\nPING\r\n', "Protocol error: expected '$', got 'P'"],
    ['*1\r\n$-1\r\n', 'Protocol error: invalid bulk length'],
    ['*1\r\n$4294967296\r\n', 'Protocol error: invalid bulk length'],
    ['*1\r\n$\r\n', 'Protocol error: invalid bulk length'],
    ['get "abc\r\n', 'Protocol error: unbalanced quotes in request'],
    ['get "abc"d\r\n', 'Protocol error: unbalanced quotes in request'],
  ])('refuses %j with Redis’s text', (text, message) => {
    expect(parse([Buffer.from(text)])).toEqual([message]);
    expect(parse(Array.from(text, (letter) => Buffer.from(letter)))).toEqual([message]);
  });

  it.each([
    ['', 'Protocol error: too big inline request'],
    ['*', 'Protocol error: too big mbulk count string'],
    ['*1\r\n$', 'Protocol error: too big bulk count string'],
  ])('refuses an endless line behind %j', (head, message) => {
    const text = Buffer.from(head + '1'.repeat(70_000));
    expect(parse([text])).toEqual([message]);
    expect(parse(cut(text, [1, 2, 5, 6, 7, 1000, 40_000, 65_530, 65_600, 69_999]))).toEqual([message]);
  });

  it('drops what is too long as it comes, says so in its place, and goes on', () => {
    const limits = { requestBytesMax: 1000, bulkBytesMax: 400 };
    const of = (...lengths: number[]): Buffer => request(lengths.map((length) => Buffer.alloc(length, '$')));
    const bytes = Buffer.concat([
      of(1),
      of(400, 400, 400),
      of(2, 401, 5),
      of(401),
      of(3),
      of(300, 300, 300, 401),
    ]);
    const whole = [['$'], ['too long: request'], ['too long: argument'], ['too long: argument'], ['$$$']];
    const expected = [...whole, ['too long: argument']];
    expect(parse([bytes], limits)).toEqual(expected);
    for (let size = 1; size < 700; size += 7) {
      const places = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => i * size);
      expect(parse(cut(bytes, places), limits)).toEqual(expected);
    }
  });

  it('drops a bounded number of bytes of one request', () => {
    const limits = { requestBytesMax: 1000, bulkBytesMax: 400, droppedBytesMax: 2000 };
    const longest = request([Buffer.alloc(1996)]);
    expect(parse([longest, longest], limits)).toEqual([['too long: argument'], ['too long: argument']]);
    expect(parse([Buffer.from('*1\r\n$2001\r\n')], limits)).toEqual(['Protocol error: invalid bulk length']);
    const many = request(Array.from({ length: 9 }, () => Buffer.alloc(390)));
    expect(parse([many], limits)).toEqual(['Protocol error: request longer than 1000 bytes']);
  });

  it('keeps requests that came before the fault', () => {
    expect(parse([Buffer.from('PING\r\n*1\r\nx')])).toEqual([
      ['PING'],
      "Protocol error: expected '$', got 'x'",
    ]);
  });

  it('may be fed while requests of an earlier chunk wait', () => {
    const parser = new RequestParser();
    parser.feed(Buffer.from('PING\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nEC'));
    expect(parser.next()).toBe(true);
    parser.feed(Buffer.from('HO\r\n'));
    expect(parser.next()).toBe(true);
    expect(parser.bytes.toString('latin1', parser.starts[0], parser.ends[0])).toBe('QUIT');
    expect(parser.next()).toBe(true);
    expect(parser.bytes.toString('latin1', parser.starts[0], parser.ends[0])).toBe('ECHO');
    expect(parser.next()).toBe(false);
  });

  it('gives the same requests however the bytes are cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(2000), { maxLength: 30 }), (parts, places) => {
        const bytes = Buffer.concat(parts);
        expect(parse(cut(bytes, places))).toEqual(parse([bytes]));
      }),
      seeded(FILE, 150),
    );
  });

  it('gives each argument as it was', () => {
    fc.assert(
      fc.property(
        fc.array(argv, { maxLength: 8 }),
        fc.array(fc.nat(2000), { maxLength: 9 }),
        (requests, places) => {
          const texts = requests.map((one) =>
            one.map((argument) => Buffer.from(argument).toString('latin1')),
          );
          expect(parse(cut(Buffer.concat(requests.map(request)), places))).toEqual(texts);
        },
      ),
      seeded(FILE, 150),
    );
  });

  it('throws nothing but a protocol error, whatever the bytes, and says the same for every cut', () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.constantFrom('*', '$', '1', '3', '-', '\r', '\n', '\r\n', 'a', '"', "'", '\\', ' ', '0'), {
          maxLength: 60,
        })
        .map((tokens) => Buffer.from(tokens.join(''))),
      fc
        .tuple(stream, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
        .map(([parts, edits]) => {
          const bytes = Buffer.concat(parts);
          for (const [place, value] of edits) if (bytes.length > 0) bytes[place % bytes.length] = value;
          return bytes;
        }),
    );
    fc.assert(
      fc.property(junk, fc.array(fc.nat(400), { maxLength: 12 }), (bytes, places) => {
        const limits = { requestBytesMax: 500, bulkBytesMax: 200, inlineBytesMax: 100, argumentsMax: 20 };
        const whole = parse([bytes], limits);
        const parts = parse(cut(bytes, places), limits);
        const broken = [...whole, ...parts].some((one) => typeof one === 'string');
        if (!broken) expect(parts).toEqual(whole);
      }),
      seeded(FILE, 400),
    );
  });
});

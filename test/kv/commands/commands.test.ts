import { describe, expect, it } from 'vitest';
import { VALUE_BYTES_MAX } from '../../../lib/kv/limits.js';
import { bulk, encode, Machine } from '../machine.js';

const OK = '+OK\r\n';
const NIL = '$-1\r\n';
const NOT_INTEGER = '-ERR value is not an integer or out of range\r\n';
const SYNTAX = '-ERR syntax error\r\n';

/** Commands, one a line, each with the reply expected behind "=>"; all on one machine. */
function transcript(text: string): void {
  const machine = new Machine();
  for (const line of text.trim().split('\n')) {
    const [command = '', reply = ''] = line.split(/\s*=>\s*/);
    const argv = command.trim().split(' ');
    const expected = reply
      .replaceAll('OK', OK)
      .replaceAll('NIL', NIL)
      .replaceAll('NOT_INTEGER', NOT_INTEGER)
      .replaceAll('SYNTAX', SYNTAX)
      .replace(/"([^"]*)"/g, (_all, word: string) => bulk(word))
      .replace(/:(-?\d+)/g, ':$1\r\n')
      .replace(/\*(\d+) ?/g, '*$1\r\n')
      .replace(/^(-ERR [^\r]*|\+[a-z]+)$/, '$1\r\n')
      .replace(/\r\n /g, '\r\n');
    expect([line, machine.do(...argv)]).toEqual([line, expected]);
  }
}

describe('commands answer as Redis does', () => {
  it('SET and its options', () => {
    transcript(`
      SET a 1 => OK
      GET a => "1"
      SET a 2 NX => NIL
      SET b 2 XX => NIL
      SET a 3 XX => OK
      SET a 4 GET => "3"
      SET new 1 GET => NIL
      SET a 5 NX GET => "4"
      GET a => "4"
      SET a 5 NX XX => SYNTAX
      SET a 5 EX => SYNTAX
      SET a 5 EX 1 PX 1 => SYNTAX
      SET a 5 KEEPTTL EX 1 => SYNTAX
      SET a 5 what => SYNTAX
      SET a 5 EX 0 => -ERR invalid expire time in 'set' command
      SET a 5 EX x => NOT_INTEGER
      SET a 5 PX 9223372036854775807 => -ERR invalid expire time in 'set' command
      SET a 5 ex 100 => OK
      TTL a => :100
      SET a 6 keepttl => OK
      TTL a => :100
      SET a 7 => OK
      TTL a => :-1
      SET a 8 EXAT 1 => OK
      GET a => NIL
      SET a 8 EXAT 1100 => OK
      EXPIRETIME a => :1100
      SET a 8 PXAT 1100001 => OK
      PEXPIRETIME a => :1100001
    `);
  });

  it('other ways to write a value', () => {
    transcript(
      `
      SETNX a 1 => :1
      SETNX a 2 => :0
      SETEX a 10 v => OK
      TTL a => :10
      SETEX a 0 v => -ERR invalid expire time in 'setex' command
      PSETEX a 1500 v => OK
      PTTL a => :1500
      PSETEX a -1 v => -ERR invalid expire time in 'psetex' command
      GETSET a w => "v"
      TTL a => :-1
      GETSET b w => NIL
      GETDEL b => "w"
      GETDEL b => NIL
      MSET x 1 y 2 => OK
      MSET x 1 y => -ERR wrong number of arguments for 'mset' command
      MGET x none y => *2 "1"
    `.replace('=> *2 "1"', '=> *3 "1"NIL"2"'),
    );
  });

  it('MSETNX sets all or nothing', () => {
    transcript(`
      MSETNX a 1 b 2 => :1
      MSETNX b 3 c 4 => :0
      EXISTS a b c a => :3
      GET b => "2"
    `);
  });

  it('parts of values', () => {
    transcript(`
      APPEND s Hello => :5
      APPEND s _World => :11
      STRLEN s => :11
      STRLEN none => :0
      GETRANGE s 0 4 => "Hello"
      GETRANGE s -5 -1 => "World"
      GETRANGE s -1 -5 => ""
      GETRANGE s 5 2 => ""
      GETRANGE s -100 2 => "Hel"
      GETRANGE s 6 100 => "World"
      GETRANGE s 20 30 => ""
      GETRANGE none 0 1 => ""
      GETRANGE s x 1 => NOT_INTEGER
    `);
  });

  it('64-bit integers', () => {
    transcript(`
      INCR n => :1
      DECR n => :0
      DECRBY n 5 => :-5
      INCRBY n 9223372036854775807 => :9223372036854775802
      INCRBY n 5 => :9223372036854775807
      INCR n => -ERR increment or decrement would overflow
      GET n => "9223372036854775807"
      DECRBY n -9223372036854775808 => -ERR decrement would overflow
      SET n -9223372036854775808 => OK
      DECR n => -ERR increment or decrement would overflow
      INCRBY n 9007199254740993 => :-9214364837600034815
      SET n 999999999999999 => OK
      INCR n => :1000000000000000
      INCR n => :1000000000000001
      INCRBY n +1 => NOT_INTEGER
      INCRBY n 01 => NOT_INTEGER
      INCRBY n 99999999999999999999 => NOT_INTEGER
      SET n 1.5 => OK
      INCR n => NOT_INTEGER
      SET n 10 EX 100 => OK
      INCR n => :11
      TTL n => :100
    `);
  });

  it('decimal fractions, exactly', () => {
    transcript(`
      SET f 0.1 => OK
      INCRBYFLOAT f 0.2 => "0.3"
      INCRBYFLOAT f 5.0e3 => "5000.3"
      INCRBYFLOAT f -5000.3 => "0"
      INCRBYFLOAT f 1e-17 => "0.00000000000000001"
      INCRBYFLOAT f 1e-18 => "0.00000000000000001"
      INCRBYFLOAT g 1e21 => "1000000000000000000000"
      INCRBYFLOAT g -.5 => "999999999999999999999.5"
      INCRBYFLOAT g x => -ERR value is not a valid float
      INCRBYFLOAT g 1e9999 => -ERR value is not a valid float
      INCRBYFLOAT g 0x10 => -ERR value is not a valid float
      SET g 1,5 => OK
      INCRBYFLOAT g 1 => -ERR value is not a valid float
    `);
  });

  it('expiries and their conditions', () => {
    transcript(`
      EXPIRE none 1 => :0
      SET a v => OK
      EXPIRE a 100 XX => :0
      EXPIRE a 100 GT => :0
      EXPIRE a 100 LT => :1
      EXPIRE a 50 GT => :0
      EXPIRE a 200 GT => :1
      EXPIRE a 300 LT => :0
      EXPIRE a 50 NX => :0
      TTL a => :200
      EXPIRE a 1 NX XX => -ERR NX and XX, GT or LT options at the same time are not compatible
      EXPIRE a 1 GT LT => -ERR GT and LT options at the same time are not compatible
      EXPIRE a 1 soon => -ERR Unsupported option soon
      EXPIRE a x => NOT_INTEGER
      EXPIRE a 9223372036854775807 => -ERR invalid expire time in 'expire' command
      PEXPIRE a 1500 => :1
      TTL a => :2
      PTTL a => :1500
      PERSIST a => :1
      PERSIST a => :0
      TTL a => :-1
      TTL none => :-2
      EXPIREAT a 2000 => :1
      EXPIRETIME a => :2000
      PEXPIREAT a 2000500 => :1
      PEXPIRETIME a => :2000500
      EXPIRE a -1 => :1
      EXISTS a => :0
      SET e v PX 100000 => OK
      APPEND e w => :2
      PTTL e => :100000
    `);
  });

  it('keys', () => {
    transcript(`
      MSET one 1 two 2 three 3 => OK
      DBSIZE => :3
      TYPE one => +string
      TYPE none => +none
      DEL one none => :1
      UNLINK two three => :2
      DBSIZE => :0
      KEYS * => *0
      SCAN x => -ERR invalid cursor
      SCAN 0 COUNT 0 => SYNTAX
      SCAN 0 COUNT x => NOT_INTEGER
      SCAN 0 what => SYNTAX
      SET a 1 => OK
      FLUSHALL what => SYNTAX
      FLUSHALL ASYNC => OK
      DBSIZE => :0
      SET a 1 => OK
      FLUSHDB => OK
      GET a => NIL
    `);
  });
});

describe('commands that programs miss', () => {
  it('GETEX', () => {
    transcript(`
      GETEX none EX 10 => NIL
      SET a 1 => OK
      GETEX a => "1"
      TTL a => :-1
      GETEX a EX 10 => "1"
      TTL a => :10
      GETEX a EX 10 EX 20 => "1"
      TTL a => :20
      GETEX a PERSIST => "1"
      TTL a => :-1
      GETEX a PERSIST EX 1 => SYNTAX
      GETEX a KEEPTTL => SYNTAX
      GETEX a EX 0 => -ERR invalid expire time in 'getex' command
      GETEX a EXAT 1 => "1"
      GET a => NIL
    `);
  });

  it('SETRANGE and SUBSTR', () => {
    transcript(`
      SETRANGE a 3 xy => :5
      STRLEN a => :5
      SUBSTR a 3 -1 => "xy"
      SETRANGE a 0 abc => :5
      GET a => "abcxy"
      SETRANGE a -1 x => -ERR offset is out of range
      SETRANGE a 983040 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
      SETRANGE none 10 => -ERR malformed command
      GETRANGE a -9007199254740992 -9007199254740993 => ""
      GETRANGE a -9007199254740993 -9007199254740992 => "a"
    `);
  });

  it('RENAME, RENAMENX and COPY take the expiry along', () => {
    transcript(`
      SET a 1 EX 100 => OK
      SET b 2 => OK
      RENAME a b => OK
      GET b => "1"
      TTL b => :100
      EXISTS a => :0
      RENAME a b => -ERR no such key
      RENAME b b => OK
      RENAMENX b b => :0
      SET c 3 => OK
      RENAMENX b c => :0
      RENAMENX b d => :1
      COPY d c => :0
      COPY d c REPLACE => :1
      TTL c => :100
      COPY d e DB 0 => :1
      COPY d e DB 1 => -ERR DB index is out of range
      COPY d d => -ERR source and destination objects are the same
      COPY none f => :0
      TOUCH c d none => :2
    `);
  });

  it('OBJECT, MEMORY and RANDOMKEY', () => {
    transcript(`
      RANDOMKEY => NIL
      SET a 12 => OK
      RANDOMKEY => "a"
      OBJECT ENCODING a => "int"
      OBJECT REFCOUNT a => :1
      OBJECT ENCODING none => NIL
      SET a 012 => OK
      OBJECT ENCODING a => "embstr"
      MEMORY USAGE a => :68
      MEMORY USAGE none => NIL
      MEMORY USAGE a SAMPLES -1 => SYNTAX
    `);
  });

  it('expiries at both ends of 64 bits', () => {
    transcript(`
      SET a 1 PXAT 9223372036854775807 => OK
      PEXPIRETIME a => :9223372036854775807
      EXPIRETIME a => :9223372036854776
      PEXPIREAT a 9223372036854775806 GT => :0
      PEXPIREAT a 9007199254740993 => :1
      PEXPIRETIME a => :9007199254740993
      PEXPIREAT a 9007199254740992 LT => :1
      PEXPIRETIME a => :9007199254740992
      EXPIREAT a 9223372036854775 => :1
      EXPIREAT a 9223372036854776 => -ERR invalid expire time in 'expireat' command
      EXPIRE a 9223372036854775 => -ERR invalid expire time in 'expire' command
      EXPIRE a -9223372036854776 => -ERR invalid expire time in 'expire' command
      EXISTS a => :1
      EXPIRE a -9223372036854775 => :1
      EXISTS a => :0
      PEXPIRE a -9223372036854775808 => :0
      SET a 5 EX 10 EX 20 => OK
      TTL a => :20
    `);
  });

  it('repeats what it was given in errors no longer than 128 bytes, byte for byte', () => {
    const machine = new Machine();
    const bytes = '\xff'.repeat(200);
    expect(machine.do('EXPIRE', 'a', '1', bytes)).toBe(`-ERR Unsupported option ${bytes.slice(0, 128)}\r\n`);
    expect(machine.do('EXPIRE', 'a', '1', 'x\r\ny\0z')).toBe('-ERR Unsupported option x  y\r\n');
  });
});

describe('limits', () => {
  it('refuses a value that APPEND would make too long, and keeps it as it was', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'x'.repeat(VALUE_BYTES_MAX));
    expect(machine.do('APPEND', 'a', 'x')).toBe(
      '-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n',
    );
    expect(machine.do('STRLEN', 'a')).toBe(`:${VALUE_BYTES_MAX}\r\n`);
  });

  it('refuses keys and values that are too long, wherever they come from', () => {
    const machine = new Machine();
    expect(machine.do('SET', 'k'.repeat(40_000), 'v')).toMatch(/^-ERR key longer than 32768 bytes/);
    expect(machine.do('MSET', 'a', '1', 'k'.repeat(40_000), 'v')).toMatch(/^-ERR key longer/);
    expect(machine.do('SET', 'k', 'v'.repeat(VALUE_BYTES_MAX + 1))).toMatch(/^-ERR string exceeds/);
    expect(machine.do('DBSIZE')).toBe(':0\r\n');
  });

  it('refuses writes over the memory limit that travels with them, with Redis’s text', () => {
    const machine = new Machine();
    const set = (key: string): string => machine.run(encode(['SET', key, 'v'.repeat(600)], 1));
    expect([set('a'), set('b'), set('c')]).toEqual([
      OK,
      OK,
      "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    ]);
    expect(machine.run(encode(['DEL', 'a'], 1))).toBe(':1\r\n');
    expect(set('c')).toBe(OK);
  });

  it('answers with an error instead of a reply longer than a reply may be', () => {
    const machine = new Machine();
    machine.do('SET', 'a', 'x'.repeat(600_000));
    const tooLong = /^-ERR reply longer than 1048576 bytes\r\n$/;
    expect(machine.do('MGET', 'a', 'a')).toMatch(tooLong);
    for (let i = 0; i < 40; i++) machine.do('SET', `${i}`.padEnd(30_000, 'k'), '');
    expect(machine.do('KEYS', '*')).toMatch(tooLong);
  });
});

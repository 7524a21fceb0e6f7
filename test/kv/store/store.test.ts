import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENTRY_OVERHEAD_BYTES } from '../../../lib/kv/limits.js';
import { HASHES_END } from '../../../lib/kv/store/hash-index.js';
import { HashKey } from '../../../lib/kv/store/hash-key.js';
import { StoreImage } from '../../../lib/kv/store/image.js';
import { restoreStore } from '../../../lib/kv/store/restore.js';
import { Store } from '../../../lib/kv/store/store.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/store/store.test.ts';

interface Entry {
  value: string;
  expiry: number;
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A store addressed by text, as a Map would be. */
class TextStore {
  store: Store;

  constructor(store: Store = new Store(HashKey.ofSeed(7))) {
    this.store = store;
  }

  at(key: string): number {
    const name = bytes(key);
    return this.store.find(this.store.hash(name, 0, name.length), name, 0, name.length);
  }

  set(key: string, value: string, expiry: number): void {
    const name = bytes(key);
    const content = bytes(value);
    const address = this.at(key);
    const hash = this.store.hash(name, 0, name.length);
    if (address !== 0) this.store.replace(address, content, 0, content.length, expiry);
    else this.store.insert(hash, name, 0, name.length, content, 0, content.length, expiry);
  }

  get(address: number): [string, Entry] {
    const { store } = this;
    const { u8 } = store.segment(address);
    const key = store.keyStart(address);
    const value = store.valueStart(address);
    return [
      u8.toString('latin1', key, key + store.keyLength(address)),
      {
        value: u8.toString('latin1', value, value + store.valueLength(address)),
        expiry: store.expiry(address),
      },
    ];
  }

  entries(): Map<string, Entry> {
    const all = new Map<string, Entry>();
    const found: number[] = [];
    for (let hash = 0; hash < HASHES_END; ) {
      hash = this.store.walk(hash, found);
      for (const address of found) {
        const [key, entry] = this.get(address);
        expect(all.has(key)).toBe(false);
        all.set(key, entry);
      }
    }
    return all;
  }

  digest(): readonly number[] {
    return [this.store.digestLow, this.store.digestHigh];
  }
}

function sorted(entries: Map<string, Entry>): [string, Entry][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The chunks of an image, each valid until the next one is pulled, as copies. */
function* kept(chunks: Iterable<Uint8Array>): Generator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

function restored(chunks: Iterable<Uint8Array>): TextStore {
  return new TextStore(restoreStore(chunks).store);
}

const key = fc.oneof(
  fc.nat(40).map((n) => `k${n}`),
  fc.string({ maxLength: 9 }).map((text) => Buffer.from(text).toString('latin1')),
);
const value = fc.oneof(
  fc.string({ maxLength: 20 }).map((text) => Buffer.from(text).toString('latin1')),
  fc.nat(300).map((length) => 'v'.repeat(length)),
  fc.constantFrom('x'.repeat(5000), 'y'.repeat(70_000)),
);
const expiry = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }));
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value, expiry }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('append' as const), key, value, expiry }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), key, value, expiry }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), key, value, expiry }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Does the operation on both. */
function apply(store: TextStore, model: Map<string, Entry>, step: Operation): void {
  const address = store.at(step.key);
  const entry = model.get(step.key);
  expect(address !== 0).toBe(entry !== undefined);
  if (step.kind === 'set') {
    store.set(step.key, step.value, step.expiry);
    model.set(step.key, { value: step.value, expiry: step.expiry });
  } else if (entry === undefined) return;
  else if (step.kind === 'append') {
    const more = bytes(step.value);
    store.store.append(address, more, 0, more.length);
    entry.value += step.value;
  } else if (step.kind === 'remove') {
    store.store.remove(address);
    model.delete(step.key);
  } else {
    store.store.expire(address, step.expiry);
    entry.expiry = step.expiry;
  }
}

describe('the store', () => {
  it('holds what a Map would, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (steps) => {
        const store = new TextStore();
        const model = new Map<string, Entry>();
        for (const step of steps) apply(store, model, step);
        expect(sorted(store.entries())).toEqual(sorted(model));
        expect(store.store.count).toBe(model.size);
        let used = 0;
        for (const [name, entry] of model) used += ENTRY_OVERHEAD_BYTES + name.length + entry.value.length;
        expect(store.store.usedBytes).toBe(used);
        const expiring = [...model.values()].filter((entry) => entry.expiry !== 0);
        expect(store.store.expiring).toBe(expiring.length);
        expect(store.store.nextExpiry).toBe(Math.min(...expiring.map((entry) => entry.expiry), Infinity));
      }),
      seeded(FILE, 120),
    );
  });

  it('has a digest that tells its entries, however they came about', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), fc.infiniteStream(fc.nat()), (steps, order) => {
        const store = new TextStore();
        const model = new Map<string, Entry>();
        for (const step of steps) apply(store, model, step);
        const again = new TextStore();
        const entries = [...model].map((entry) => ({ entry, place: order.next().value as number }));
        entries.sort((a, b) => a.place - b.place);
        for (const { entry } of entries) again.set(entry[0], entry[1].value, entry[1].expiry);
        expect(again.digest()).toEqual(store.digest());
      }),
      seeded(FILE, 120),
    );
  });

  it.each<[string, (store: TextStore) => void]>([
    ['a value', (store) => store.set('k1', 'value2', 0)],
    ['its last byte', (store) => store.set('k1', 'valuf', 0)],
    ['a trailing zero byte', (store) => store.set('k1', 'value\0', 0)],
    ['an expiry', (store) => store.set('k1', 'value', 5)],
    ['a key', (store) => store.set('k2', 'value', 0)],
    ['a removal', (store) => store.store.remove(store.at('k1'))],
  ])('has another digest after %s has changed', (_what, change) => {
    const store = new TextStore();
    store.set('k1', 'value', 0);
    const before = store.digest();
    change(store);
    expect(store.digest()).not.toEqual(before);
  });

  it('gives removed entries in one order, the first to expire first, whatever the memory was', () => {
    const drain = (store: TextStore): string[] => {
      const order: string[] = [];
      while (store.store.expiring > 0) {
        order.push(store.get(store.store.nextExpiring)[0]);
        store.store.remove(store.store.nextExpiring);
      }
      return order;
    };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100 }), (steps) => {
        const store = new TextStore();
        const model = new Map<string, Entry>();
        for (const step of steps) apply(store, model, step);
        const copy = restored([...kept(new StoreImage(store.store, 0).chunks())]);
        const order = drain(store);
        expect(drain(copy)).toEqual(order);
        const times = order.map((name) => model.get(name)!.expiry);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
      seeded(FILE, 150),
    );
  });

  it('gives every entry to a walk that goes on while the table grows and shrinks', () => {
    const store = new TextStore();
    for (let i = 0; i < 300; i++) store.set(`stays${i}`, 'v', 0);
    const seen = new Set<string>();
    const found: number[] = [];
    let round = 0;
    for (let hash = 0; hash < HASHES_END; round++) {
      hash = store.store.walk(hash, found);
      for (const address of found) seen.add(store.get(address)[0]);
      for (let i = 0; i < 40 && round < 150; i++) store.set(`comes${round}-${i}`, 'v', 0);
      for (let i = 0; i < 60 && round >= 150; i++) {
        const address = store.at(`comes${round - 150}-${i}`);
        if (address !== 0) store.store.remove(address);
      }
    }
    for (let i = 0; i < 300; i++) expect(seen.has(`stays${i}`)).toBe(true);
  });

  it('gives memory back when its entries have gone', () => {
    const store = new TextStore();
    const empty = store.store.heldBytes;
    for (let i = 0; i < 40_000; i++) store.set(`key${i}`, 'v'.repeat(200 + (i % 900)), 0);
    const full = store.store.heldBytes;
    for (let i = 0; i < 40_000; i++) store.store.remove(store.at(`key${i}`));
    for (let i = 0; i < 2000; i++) {
      store.set('one', 'v', 0);
      store.store.remove(store.at('one'));
    }
    expect(store.store.usedBytes).toBe(0);
    expect(store.store.heldBytes).toBeLessThan(empty + full / 2);
  });
});

describe('a checkpoint of the store', () => {
  it('is the state as of the call while the store goes on changing', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 80 }),
        fc.array(operation, { maxLength: 80 }),
        fc.integer({ min: 1, max: 9 }),
        (before, after, pace) => {
          const store = new TextStore();
          const model = new Map<string, Entry>();
          for (const step of before) apply(store, model, step);
          const expected = sorted(structuredClone(model));
          const digest = store.digest();
          const chunks: Uint8Array[] = [];
          const image = kept(new StoreImage(store.store, 5).chunks());
          after.forEach((step, i) => {
            apply(store, model, step);
            if (i % pace !== 0) return;
            const next = image.next();
            if (next.done !== true) chunks.push(next.value);
          });
          for (const chunk of image) chunks.push(chunk);
          const copy = restored(chunks);
          expect(sorted(copy.entries())).toEqual(expected);
          expect(copy.digest()).toEqual(digest);
          expect(store.store.image).toBeUndefined();
          expect(sorted(store.entries())).toEqual(sorted(model));
        },
      ),
      seeded(FILE, 120),
    );
  });

  it('takes in every entry of a large store that is rewritten meanwhile', () => {
    const store = new TextStore();
    for (let i = 0; i < 5000; i++) store.set(`key${i}`, `${'v'.repeat(100)}${i}`, i % 7);
    const expected = sorted(store.entries());
    const chunks: Uint8Array[] = [];
    let round = 0;
    for (const chunk of kept(new StoreImage(store.store, 5).chunks())) {
      chunks.push(chunk);
      for (let i = 0; i < 400; i++) {
        const name = `key${(round * 397 + i * 13) % 6000}`;
        const address = store.at(name);
        if (i % 3 === 0 && address !== 0) store.store.remove(address);
        else store.set(name, `new${i}`, 3);
      }
      round++;
    }
    expect(round).toBeGreaterThan(5);
    expect(sorted(restored(chunks).entries())).toEqual(expected);
  });

  it('does not depend on how its bytes are cut', () => {
    const store = new TextStore();
    for (let i = 0; i < 50; i++) store.set(`key${i}`, 'v'.repeat(i * 10), i);
    const whole = Buffer.concat([...kept(new StoreImage(store.store, 5).chunks())]);
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length; at += 7) pieces.push(whole.subarray(at, at + 7));
    expect(sorted(restored(pieces).entries())).toEqual(sorted(store.entries()));
  });

  it('keeps versions, so that a WATCH outlives a restore', () => {
    const store = new TextStore();
    store.set('a', '1', 0);
    store.set('gone', '1', 0);
    store.store.remove(store.at('gone'));
    const copy = restored([...kept(new StoreImage(store.store, 5).chunks())]);
    expect(copy.store.version(copy.at('a'))).toBe(store.store.version(store.at('a')));
    const hash = store.store.hash(bytes('gone'), 0, 4);
    expect(copy.store.absentVersion(hash)).toBe(store.store.absentVersion(hash));
    expect(copy.store.mutations).toBe(store.store.mutations);
  });

  it('is refused with a code when any byte of it is missing or different', () => {
    const store = new TextStore();
    for (let i = 0; i < 5; i++) store.set(`key${i}`, `value${i}`, i);
    const whole = Buffer.concat([...kept(new StoreImage(store.store, 5).chunks())]);
    const head = 48 + 8 * 1024;
    const code = { code: 'ERR_INDELIBLE_CHECKPOINT_INVALID' };
    const places = [0, 3, 7, 32, 40, 44, ...Array.from({ length: whole.length - head }, (_, i) => head + i)];
    for (const place of places) {
      expect(() => restoreStore([whole.subarray(0, place)])).toThrow(expect.objectContaining(code));
      const entry = place - head;
      const versions = entry >= 0 && whole.length - place > 8 && entry % 34 >= 8 && entry % 34 < 16;
      if (versions) continue;
      const broken = Buffer.from(whole);
      broken[place]! ^= 0x55;
      expect(() => restoreStore([broken])).toThrow(expect.objectContaining(code));
    }
    expect(() => restoreStore([whole, Buffer.from('x')])).toThrow(expect.objectContaining(code));
  });

  it('is refused with a code, and nothing worse, for random bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
        (junk, edits) => {
          const store = new TextStore();
          store.set('key', 'value', 3);
          const whole = Buffer.concat([...kept(new StoreImage(store.store, 5).chunks())]);
          for (const [place, byte] of edits) whole[place % whole.length] = byte;
          for (const bytesGiven of [Buffer.from(junk), Buffer.concat([whole, junk])]) {
            try {
              restoreStore([bytesGiven]);
            } catch (error) {
              expect(error).toMatchObject({ code: 'ERR_INDELIBLE_CHECKPOINT_INVALID' });
            }
          }
        },
      ),
      seeded(FILE, 100),
    );
  });
});

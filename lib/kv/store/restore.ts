/**
 * A store out of a checkpoint's bytes, trusting none of them: lengths are bounded before anything is kept,
 * and the result must have the entries and the digest that the head announces.
 * @throws ERR_INDELIBLE_CHECKPOINT_INVALID, the state before being untouched: the store is a new one.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../limits.js';
import { isExpiry } from './expiry-time.js';
import { HashKey } from './hash-key.js';
import {
  ENTRY_HEAD_BYTES,
  HEAD_AT,
  IMAGE_END,
  IMAGE_END_BYTES,
  IMAGE_HEAD_BYTES,
  IMAGE_HEAD_BYTES_KEYLESS,
  IMAGE_KEY_AT,
  IMAGE_MAGIC,
  IMAGE_MAGIC_KEYLESS,
} from './image-format.js';
import { Store } from './store.js';

export interface Restored {
  readonly store: Store;
  readonly timeMs: number;
}

function invalid(what: string): never {
  throw new IndelibleError(ErrorCode.checkpointInvalid, `the checkpoint of the key-value state ${what}`);
}

/** Bytes of all chunks as one stream, of which the next `need` can be looked at in one piece. */
class Stream {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  readonly #chunks: Iterator<Uint8Array>;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  has(need: number): boolean {
    if (this.bytes.length - this.at >= need) return true;
    const parts: Uint8Array[] = [this.bytes.subarray(this.at)];
    let length = this.bytes.length - this.at;
    while (length < need) {
      const next = this.#chunks.next();
      if (next.done === true) break;
      parts.push(next.value);
      length += next.value.length;
    }
    this.bytes = parts.length === 1 ? this.bytes.subarray(this.at) : Buffer.concat(parts, length);
    this.at = 0;
    return length >= need;
  }
}

export function restoreStore(chunks: Iterable<Uint8Array>): Restored {
  const stream = new Stream(chunks);
  const head = readHead(stream);
  const store = new Store(hashKeyOf(head));
  const mutations = head.readDoubleLE(HEAD_AT.mutations);
  const timeMs = head.readDoubleLE(HEAD_AT.time);
  if (!Number.isSafeInteger(mutations) || mutations < 0) invalid('has a version that is no count');
  if (!Number.isFinite(timeMs) || timeMs < 0) invalid('has a time that is none');
  for (let i = 0; i < store.removals.length; i++) {
    const version = head.readDoubleLE(HEAD_AT.removals + 8 * i);
    if (!Number.isSafeInteger(version) || version < 0 || version > mutations)
      invalid('has a removal from later');
    store.removals[i] = version;
  }
  stream.at = head.length;
  readEntries(stream, store, mutations);
  store.mutations = mutations;
  if (store.count !== head.readDoubleLE(HEAD_AT.entries))
    invalid('has another number of entries than it says');
  const digest = HEAD_AT.digest;
  if (store.digestLow !== head.readUInt32LE(digest) || store.digestHigh !== head.readUInt32LE(digest + 4)) {
    invalid('has another digest than it says');
  }
  return { store, timeMs };
}

function readHead(stream: Stream): Buffer {
  if (!stream.has(IMAGE_HEAD_BYTES_KEYLESS)) invalid('is cut short in its head');
  const magic = stream.bytes.toString('latin1', 0, IMAGE_MAGIC.length);
  if (magic === IMAGE_MAGIC_KEYLESS) return stream.bytes.subarray(0, IMAGE_HEAD_BYTES_KEYLESS);
  if (magic !== IMAGE_MAGIC) invalid('is none, or of an unknown version');
  if (!stream.has(IMAGE_HEAD_BYTES)) invalid('is cut short in its head');
  return stream.bytes.subarray(0, IMAGE_HEAD_BYTES);
}

function hashKeyOf(head: Buffer): HashKey {
  const seed = head.readUInt32LE(HEAD_AT.seed);
  if (head.length === IMAGE_HEAD_BYTES_KEYLESS) return HashKey.ofSeed(seed);
  const key = HashKey.read(head, IMAGE_KEY_AT);
  if (seed !== 0 && key !== HashKey.none) invalid('has both a seed and a key');
  return seed === 0 ? key : HashKey.ofSeed(seed);
}

function readEntries(stream: Stream, store: Store, mutations: number): void {
  for (;;) {
    if (!stream.has(IMAGE_END_BYTES)) invalid('is cut short');
    const keyLength = stream.bytes.readUInt32LE(stream.at);
    const valueLength = stream.bytes.readUInt32LE(stream.at + 4);
    if (keyLength === IMAGE_END && valueLength === IMAGE_END) {
      stream.at += IMAGE_END_BYTES;
      if (stream.has(1)) invalid('goes on behind its end');
      return;
    }
    if (keyLength > KEY_BYTES_MAX || valueLength > VALUE_BYTES_MAX) invalid('has an entry that is too long');
    if (!stream.has(ENTRY_HEAD_BYTES + keyLength + valueLength)) invalid('is cut short in an entry');
    const { bytes, at } = stream;
    const version = bytes.readDoubleLE(at + 8);
    const expiry = bytes.readDoubleLE(at + 16);
    if (!Number.isSafeInteger(version) || version <= 0 || version > mutations) {
      invalid('has an entry from later');
    }
    if (!isExpiry(expiry)) invalid('has an expiry that is no time');
    const key = at + ENTRY_HEAD_BYTES;
    const value = key + keyLength;
    const hash = store.hash(bytes, key, value);
    if (store.find(hash, bytes, key, value) !== 0) invalid('has a key twice');
    stream.at = value + valueLength;
    store.insert(hash, bytes, key, value, bytes, value, stream.at, expiry, version);
  }
}

/**
 * A checkpoint of the store as a stream of bytes, little-endian; how it is cut into chunks means nothing.
 *
 *   head   "INDELKV2"   u32 seed   u32 0   f64 mutations   f64 time (ms)   f64 entries   u32, u32 digest
 *          f64[1024] version of the last removal in each class of hashes   u8[16] key of the hashes
 *   entry  u32 key length   u32 value length   f64 version   f64 expiry   key   value          (any order)
 *   end    u32 0xffffffff   u32 0xffffffff
 *
 * 1. Of seed and key one is 0, or both (hash-key.ts). An image that begins with "INDELKV1" has no key; it
 *    is read, and never written.
 */
import { HASH_KEY_BYTES } from './hash-key.js';
import { REMOVAL_CLASSES } from './store.js';

export const IMAGE_MAGIC = 'INDELKV2';
export const IMAGE_MAGIC_KEYLESS = 'INDELKV1';
export const ENTRY_HEAD_BYTES = 24;
export const IMAGE_END = 0xffffffff;
export const IMAGE_END_BYTES = 8;
export const HEAD_AT = { seed: 8, mutations: 16, time: 24, entries: 32, digest: 40, removals: 48 } as const;
const KEY_AT: number = HEAD_AT.removals + 8 * REMOVAL_CLASSES;
export const IMAGE_HEAD_BYTES: number = KEY_AT + HASH_KEY_BYTES;
export const IMAGE_HEAD_BYTES_KEYLESS: number = KEY_AT;
export { KEY_AT as IMAGE_KEY_AT };

/**
 * Lets the addon compute digests where it is there: ten to a hundred times as fast for batches of 512 bytes
 * and more. Stores that need no addon work without it.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { nativeAddon } from '../native/binding.js';
import { type DigestFunction, useDigestFunction } from './crc64.js';

let tried = false;

/** Does nothing where the addon is not built or cannot be loaded; tries once. */
export function preferNativeDigest(): void {
  if (tried) return;
  tried = true;
  try {
    useDigestFunction(nativeAddon().digestOf as DigestFunction);
  } catch (error) {
    if (!(error instanceof IndelibleError && error.code === ErrorCode.nativeMissing)) throw error;
  }
}

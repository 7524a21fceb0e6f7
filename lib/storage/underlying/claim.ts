/**
 * What a store of each mode may claim to survive, given what it lies on:
 *
 * | mode           | 'power' where                                                                      |
 * |----------------|------------------------------------------------------------------------------------|
 * | file           | the place survives power loss                                                      |
 * | emulated       | never: its fences write to no medium                                               |
 * | emulated msync | the place survives power loss                                                      |
 * | pmem           | the place survives power loss, and the processor's fences reach it (FENCES_HOLD)   |
 */
import type { Ground } from './ground.js';

export type ClaimMode = 'file' | 'emulated' | 'msync' | 'pmem';

export interface Claim {
  readonly durability: 'power' | 'process';
  /** Why not 'power', for a person; empty otherwise. */
  readonly reason: string;
  /** Where loss of power is known to take what was answered: an unclean store of another boot is lost. */
  readonly forgets: boolean;
}

/**
 * Processors on which a flush and a fence of libpmem are known to have reached the memory when they return.
 * On arm64 the flush is a DC CVAC, to where caches agree and not to where memory persists, and the fence a
 * DMB, which does not wait for cache maintenance as a DSB would.
 */
const FENCES_HOLD: ReadonlySet<string> = new Set(['x64']);

export function claimOf(mode: ClaimMode, ground: Ground, processor: string = process.arch): Claim {
  if (mode === 'emulated') {
    return { durability: 'process', reason: 'the emulation writes to no medium', forgets: true };
  }
  if (mode === 'pmem' && !FENCES_HOLD.has(processor)) {
    const reason = `on ${processor}, libpmem does not wait until flushed data has reached the memory`;
    return { durability: 'process', reason, forgets: true };
  }
  return { durability: ground.survives, reason: ground.reason, forgets: ground.forgets };
}

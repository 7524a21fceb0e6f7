/**
 * What a mapped medium has to ask of libpmem and the kernel, told from the trace of the recording medium for
 * the same operations.
 *
 * | trace           | pmem, emulated       | emulated with msync                                       |
 * |-----------------|----------------------|-----------------------------------------------------------|
 * | write           | copy                 | its pages are stored to                                   |
 * | store           | –                    | its page is stored to                                     |
 * | flush           | flush                | –                                                         |
 * | reflush         | flush                | its pages are stored to                                   |
 * | fence           | drain                | msync of just the pages written and flushed since the last |
 * | settle          | emulated: msync      | –                                                         |
 */
import type { TraceEntry } from '../../../lib/storage/pmem-recording.js';
import type { RecordedCall } from './recorded-calls.js';

export type MappedMode = 'pmem' | 'emulated' | 'msync';

const PAGE_BYTES = 4096;

/** One line an expected or a recorded step; equal lists are equal behaviour. */
export type Steps = readonly string[];

function pagesOf(offset: number, lengthBytes: number): number[] {
  const pages: number[] = [];
  const first = Math.floor(offset / PAGE_BYTES);
  for (let page = first; page * PAGE_BYTES < offset + lengthBytes; page++) pages.push(page);
  return pages;
}

function list(pages: ReadonlySet<number>): string {
  return [...pages].sort((a, b) => a - b).join(' ');
}

/** What was stored to and what was synced, from one fence to the next. */
class Epochs {
  readonly steps: string[] = [];
  #stored = new Set<number>();
  #synced = new Set<number>();

  stored(offset: number, lengthBytes: number): void {
    for (const page of pagesOf(offset, lengthBytes)) this.#stored.add(page);
  }

  synced(offset: number, lengthBytes: number): void {
    for (const page of pagesOf(offset, lengthBytes)) this.#synced.add(page);
  }

  get hasSynced(): boolean {
    return this.#synced.size > 0;
  }

  /** A fence with nothing to sync cannot be seen. */
  end(): void {
    if (!this.hasSynced) return;
    this.steps.push(`pages stored to: ${list(this.#stored)}; synced: ${list(this.#synced)}`);
    this.#stored = new Set();
    this.#synced = new Set();
  }
}

export function expectedSteps(mode: MappedMode, trace: readonly TraceEntry[]): Steps {
  return mode === 'msync' ? expectedEpochs(trace) : expectedPmemSteps(mode, trace);
}

function expectedPmemSteps(mode: MappedMode, trace: readonly TraceEntry[]): Steps {
  return trace.flatMap(({ kind, offset, lengthBytes }) => {
    if (kind === 'store') return [];
    if (kind === 'fence') return ['drain'];
    if (kind === 'settle') return mode === 'emulated' ? [`msync ${offset}+${lengthBytes}`] : [];
    return [`${kind === 'write' ? 'copy' : 'flush'} ${offset}+${lengthBytes}`];
  });
}

function expectedEpochs(trace: readonly TraceEntry[]): Steps {
  const epochs = new Epochs();
  for (const { kind, offset, lengthBytes } of trace) {
    if (kind === 'write' || kind === 'store' || kind === 'reflush') epochs.stored(offset, lengthBytes);
    if (kind === 'write' || kind === 'flush' || kind === 'reflush') epochs.synced(offset, lengthBytes);
    if (kind === 'fence') epochs.end();
  }
  return epochs.steps;
}

export function recordedSteps(mode: MappedMode, calls: readonly RecordedCall[]): Steps {
  if (mode === 'msync') return recordedEpochs(calls);
  return calls.map(({ kind, offset, lengthBytes }) =>
    kind === 'drain' ? 'drain' : `${kind} ${offset}+${lengthBytes}`,
  );
}

/** An msync is made in pieces; the first store behind it begins the next epoch. */
function recordedEpochs(calls: readonly RecordedCall[]): Steps {
  const epochs = new Epochs();
  for (const { kind, offset, lengthBytes } of calls) {
    if (kind === 'touch' && epochs.hasSynced) epochs.end();
    if (kind === 'touch') epochs.stored(offset, lengthBytes);
    else if (kind === 'msync') epochs.synced(offset, lengthBytes);
    else epochs.steps.push(`${kind} ${offset}+${lengthBytes}`);
  }
  epochs.end();
  return epochs.steps;
}

/** What a power cut at the end is sure to leave of `image`, by the calls alone. */
export function durableImage(image: Uint8Array, calls: readonly RecordedCall[]): Uint8Array {
  const durable = Uint8Array.from(image);
  let flushed: RecordedCall[] = [];
  for (const call of calls) {
    if (call.kind === 'msync') durable.set(call.bytes, call.at);
    if (call.kind === 'copy' || call.kind === 'flush') flushed.push(call);
    if (call.kind !== 'drain') continue;
    for (const { at, bytes } of flushed) durable.set(bytes, at);
    flushed = [];
  }
  return durable;
}

/**
 * A back-up of a cluster that runs, taken over the peer port of one replica.
 *
 * 1. The log is taken first, and as fast as it comes, because the replica can keep it for a while only; then
 *    the checkpoint.
 * 2. Everything is checked before it is written (backup-writer.ts). What fails leaves nothing.
 * 3. At most {@link ASKED_MAX} parts of the checkpoint are asked for at a time, and no more than the rate
 *    that was given: whoever takes a back-up sets the pace.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, IndelibleError } from '../errors.js';
import { nodeRuntime } from '../runtime.js';
import type { FileMedium } from '../storage/file/medium.js';
import { Exchange, type ExchangeOptions } from '../transport/exchange.js';
import { type BackupReply, BackupWhat } from '../wire/client-messages.js';
import { type BackupDescription, PartKind, parseDescription } from './backup-format.js';
import { BackupWriter } from './backup-writer.js';

/** Requests under way at a time. */
const ASKED_MAX = 4;
/** Times that a back-up is begun, where the replica has to forget the log meanwhile. */
const BEGUN_MAX = 4;

export interface LiveBackupOptions
  extends Pick<ExchangeOptions, 'address' | 'clusterId' | 'replicaId' | 'helloMsMax' | 'key' | 'sockets'> {
  /** The file to write, which must not be there. */
  readonly file: string;
  /** Bytes of the checkpoint that are asked for in a second, at most; without it as many as come. */
  readonly bytesPerSecond?: number;
  readonly medium?: FileMedium;
}

export interface BackupResult extends BackupDescription {
  readonly file: string;
  readonly lengthBytes: number;
}

/**
 * Writes a back-up of the replica at an address: durable and verified when this resolves. Where the replica
 * has to forget the log meanwhile, it is begun anew: a newer checkpoint is there then, with less log behind
 * it.
 * @throws ERR_INDELIBLE_STORE_EXISTS, _STORE_IO of the file; ERR_INDELIBLE_NETWORK, _STRANGER, _TLS of the
 * replica; ERR_INDELIBLE_NOT_EXECUTED where it refuses; ERR_INDELIBLE_BACKUP_INVALID, _CHECKPOINT_INVALID for
 * what it gives. Nothing is left of it then.
 */
export async function backupOf(options: LiveBackupOptions): Promise<BackupResult> {
  const ended = new AbortController();
  const exchange = await Exchange.connect({ ...options, events: { closed: () => ended.abort() } });
  try {
    for (let begun = 1; ; begun++) {
      try {
        return await taken(exchange, options, ended.signal);
      } catch (error) {
        const isRefused = error instanceof IndelibleError && error.code === ErrorCode.notExecuted;
        if (!isRefused || begun === BEGUN_MAX) throw error;
      }
    }
  } finally {
    exchange.close();
  }
}

async function taken(
  exchange: Exchange,
  { address, file, medium, bytesPerSecond = Number.POSITIVE_INFINITY }: LiveBackupOptions,
  ended: AbortSignal,
): Promise<BackupResult> {
  const description = parseDescription(await given(exchange, BackupWhat.offer, 0), address);
  const writer = await BackupWriter.create(file, description, medium);
  try {
    while (writer.slot < description.throughSlot)
      await writer.add(PartKind.log, await given(exchange, BackupWhat.log, writer.slot + 1));
    const pace = new Pace(bytesPerSecond, ended);
    await takeCheckpoint(exchange, writer, description.checkpointBytes, pace);
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return { ...description, file, lengthBytes: writer.lengthBytes };
}

/**
 * Several parts are on their way at a time; a part that is shorter than asked for changes where the next
 * begins.
 */
async function takeCheckpoint(
  exchange: Exchange,
  writer: BackupWriter,
  lengthBytes: number,
  pace: Pace,
): Promise<void> {
  const asked: Promise<Uint8Array>[] = [];
  let askedBytes = 0;
  let partBytes = 0;
  while (writer.checkpointBytes < lengthBytes) {
    while (asked.length < ASKED_MAX && askedBytes < lengthBytes) {
      const part = given(exchange, BackupWhat.checkpoint, askedBytes);
      // It may fail while an earlier one is written; it is awaited below.
      part.catch(() => {});
      asked.push(part);
      // How much a part carries is the replica's: the first one tells.
      if (partBytes === 0) partBytes = (await part).length;
      askedBytes += partBytes;
    }
    const bytes = await asked.shift()!;
    await writer.add(PartKind.checkpoint, bytes);
    await pace.took(bytes.length);
    if (bytes.length === partBytes || writer.checkpointBytes === lengthBytes) continue;
    await Promise.allSettled(asked);
    asked.length = 0;
    askedBytes = writer.checkpointBytes;
  }
}

/** One part. @throws ERR_INDELIBLE_NOT_EXECUTED where the replica does not give it, ERR_INDELIBLE_NETWORK */
async function given(exchange: Exchange, what: BackupWhat, at: number): Promise<Uint8Array> {
  const { isGiven, body }: BackupReply = await exchange.backup({ what, at }).catch((cause: Error) => {
    const { replicaId, address: path } = exchange;
    const sentence = `the connection to replica ${replicaId} ended: ${cause.message}. Nothing was written; run it again`;
    throw new IndelibleError(ErrorCode.network, sentence, { cause, path });
  });
  if (isGiven) return body;
  const why = new TextDecoder().decode(body);
  const sentence = `replica ${exchange.replicaId} does not go on with the back-up: ${why}. Nothing was written; run it again`;
  throw new IndelibleError(ErrorCode.notExecuted, sentence);
}

/** Holds back what comes faster than a rate, while there is anybody to ask. */
class Pace {
  readonly #bytesPerMs: number;
  readonly #ended: AbortSignal;
  readonly #startMs = nodeRuntime.monotonicMs();
  #bytes = 0;

  constructor(bytesPerSecond: number, ended: AbortSignal) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#ended = ended;
  }

  async took(bytes: number): Promise<void> {
    this.#bytes += bytes;
    const aheadMs = this.#startMs + this.#bytes / this.#bytesPerMs - nodeRuntime.monotonicMs();
    // Once the connection has ended the next request says so.
    if (aheadMs > 1) await sleep(aheadMs, undefined, { signal: this.#ended }).catch(() => {});
  }
}

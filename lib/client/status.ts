/**
 * The status of one replica, asked over its peer port.
 */

import type { ExchangeOptions } from '../transport/exchange.js';
import { Exchange } from '../transport/exchange.js';
import { frameError } from '../wire/reader.js';

/**
 * Asks the replica at an address for its status, the shape of `Replica.status()`, over a connection of its
 * own.
 * @throws ERR_INDELIBLE_NETWORK when nobody answers in time, ERR_INDELIBLE_STRANGER when who answers is not
 * who was asked for.
 */
export async function statusAt(
  options: Pick<ExchangeOptions, 'address' | 'clusterId' | 'replicaId' | 'helloMsMax' | 'key' | 'sockets'>,
): Promise<unknown> {
  const exchange = await Exchange.connect(options);
  try {
    return parseStatus(await exchange.status());
  } finally {
    exchange.close();
  }
}

/** @throws ERR_INDELIBLE_FRAME when `bytes` are not JSON in UTF-8. */
export function parseStatus(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw frameError('a status is not JSON');
  }
}

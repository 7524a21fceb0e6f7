/** The skip of a command at which every replica's state machine throws, asked of the leader. */
import { ErrorCode, IndelibleError } from '../errors.js';
import { Exchange, type ExchangeOptions } from '../transport/exchange.js';
import { SkipOutcome, type SkipRequest } from '../wire/client-messages.js';

const CODES = {
  [SkipOutcome.notExecuted]: ErrorCode.notExecuted,
  [SkipOutcome.notHalted]: ErrorCode.notHalted,
  [SkipOutcome.diverged]: ErrorCode.diverged,
  [SkipOutcome.unknown]: ErrorCode.unknown,
} as const;

/**
 * Resolves when the replica at an address, which leads, goes on behind the command.
 * @throws what `Replica.skip` throws; ERR_INDELIBLE_NETWORK when nobody answers, ERR_INDELIBLE_UNKNOWN when
 * the connection ends before the answer has come
 */
export async function skipAt(
  options: Pick<ExchangeOptions, 'address' | 'clusterId' | 'replicaId' | 'helloMsMax' | 'key' | 'sockets'>,
  skip: Omit<SkipRequest, 'type'>,
): Promise<void> {
  const exchange = await Exchange.connect(options);
  try {
    const { outcome, sentence } = await exchange.skip(skip).catch((cause: Error) => {
      const text = `it is not known whether the command is skipped: ${cause.message}`;
      throw new IndelibleError(ErrorCode.unknown, text, { cause });
    });
    if (outcome !== SkipOutcome.done) throw new IndelibleError(CODES[outcome], sentence);
  } finally {
    exchange.close();
  }
}

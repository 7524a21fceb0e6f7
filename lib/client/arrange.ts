/** A change of members, or of the lead, asked of the replica that leads. */
import { ErrorCode, IndelibleError } from '../errors.js';
import { Exchange, type ExchangeOptions } from '../transport/exchange.js';
import { type LeadRequest, MembersOutcome, type MembersRequest } from '../wire/client-messages.js';

const CODES = {
  [MembersOutcome.notExecuted]: ErrorCode.notExecuted,
  [MembersOutcome.refused]: ErrorCode.membersRefused,
  [MembersOutcome.notCaughtUp]: ErrorCode.notCaughtUp,
  [MembersOutcome.unknown]: ErrorCode.unknown,
} as const;

/**
 * Resolves when the members are those at the replica at an address, or when it has asked the other to lead.
 * @throws what `Replica.changeMembers` throws; ERR_INDELIBLE_NETWORK when nobody answers,
 * ERR_INDELIBLE_UNKNOWN when the connection ends before the answer has come
 */
export async function arrangeAt(
  options: Pick<ExchangeOptions, 'address' | 'clusterId' | 'replicaId' | 'helloMsMax' | 'key' | 'sockets'>,
  request: MembersRequest | LeadRequest,
): Promise<void> {
  const exchange = await Exchange.connect(options);
  try {
    const { outcome, sentence } = await exchange.arrange(request).catch((cause: Error) => {
      const text = `it is not known whether the members have changed: ${cause.message}`;
      throw new IndelibleError(ErrorCode.unknown, text, { cause });
    });
    if (outcome !== MembersOutcome.done) throw new IndelibleError(CODES[outcome], sentence);
  } finally {
    exchange.close();
  }
}

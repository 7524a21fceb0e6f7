/**
 * What is wrong with bytes that are no request. The message is Redis's own text; the client is told it once,
 * as `-ERR <message>`, and the connection is closed, since nothing behind the fault can be understood.
 */
import { ErrorCode } from '../../errors.js';

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: typeof ErrorCode.frame = ErrorCode.frame;

  constructor(what: string) {
    super(`Protocol error: ${what}`);
  }
}

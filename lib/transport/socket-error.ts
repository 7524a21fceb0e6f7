/**
 * What an error of a socket means, for a person: above all why two ends do not come to terms over TLS.
 */
import { ErrorCode, IndelibleError } from '../errors.js';

const AUTHORITY = 'its certificate is not of the authority that is accepted here (--tls-ca)';
const DISAGREED = 'no agreement on TLS: one end has certificates and the other the cluster’s key';
const NO_TLS = 'no TLS is spoken there, and only TLS here (--tls)';

/** By the code of the system, of OpenSSL's verification, or of its library. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: see the clocks',
  CERT_REVOKED: 'its certificate is revoked',
  CERT_SIGNATURE_FAILURE: AUTHORITY,
  CERT_UNTRUSTED: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  INVALID_PURPOSE: 'its certificate is for another use: extendedKeyUsage must have serverAuth and clientAuth',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ERR_SSL_BINDER_DOES_NOT_VERIFY: 'it has another key than that of this cluster',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: DISAGREED,
  ERR_SSL_NO_SHARED_CIPHER: DISAGREED,
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks no TLS 1.3',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'TLS took too long',
};

/** What OpenSSL says at the calling end, which has only the text, and what that means. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long/, NO_TLS],
  [/alert illegal parameter|alert decrypt error/, 'the key here is not that of the cluster there'],
  [/alert handshake failure|no suitable signature|unexpected message|wrong signature type/, DISAGREED],
  [/before secure TLS connection was established/, 'it hung up before TLS was agreed on: it may speak none'],
];

/** Why the certificate of the other end is not accepted; `code` is OpenSSL's. */
export function faultOfCertificate(code: string): string {
  return REASONS[code] ?? `its certificate is not accepted (${code})`;
}

/** The error of a connection; ERR_INDELIBLE_TLS where TLS is the reason, otherwise ERR_INDELIBLE_NETWORK. */
export function socketError(remote: string, cause: Error): IndelibleError {
  if (cause instanceof IndelibleError) return cause;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const known = REASONS[code] ?? TEXTS.find(([text]) => text.test(cause.message))?.[1];
  const isTls = known !== undefined || code === 'EPROTO' || code.startsWith('ERR_SSL_');
  if (!isTls)
    return new IndelibleError(ErrorCode.network, `${remote}: ${cause.message}`, { cause, path: remote });
  return tlsError(remote, known ?? `TLS failed: ${readable(cause.message)}`, cause);
}

export function tlsError(remote: string, why: string, cause?: Error): IndelibleError {
  return new IndelibleError(ErrorCode.tls, `${remote}: ${why}`, { cause, path: remote });
}

/** Whether the first bytes of a connection are a handshake or an alert of TLS. */
export function isTlsRecord(bytes: Uint8Array): boolean {
  if (bytes.length < 7 || bytes[1] !== 3 || bytes[2]! > 4) return false;
  const length = (bytes[3]! << 8) | bytes[4]!;
  if (bytes[0] === 0x15) return length === 2 && bytes.length === 7;
  const body = (bytes[6]! << 16) | (bytes[7]! << 8) | bytes[8]!;
  return bytes[0] === 0x16 && (bytes[5] === 1 || bytes[5] === 2) && body + 4 === length;
}

/** OpenSSL's own words, without its numbers and places in its sources. */
function readable(message: string): string {
  return /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}

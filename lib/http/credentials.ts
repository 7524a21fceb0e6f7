/**
 * Who may ask what an HTTP port tells: everybody, or who gives its token, as `Authorization: Bearer TOKEN` or
 * as the password of Basic authentication, which browsers ask a person for.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether this header gives the token; without a token, everybody may. */
export function isAllowed(header: string | undefined, token: string | undefined): boolean {
  if (token === undefined) return true;
  const given = givenIn(header ?? '');
  // Digests, so that neither time nor length tells how near a guess was.
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function givenIn(header: string): string | undefined {
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S+)$/i.exec(header) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme === '') return undefined;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

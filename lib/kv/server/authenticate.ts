/** One password for everybody, compared in constant time; a wrong one costs time (auth-delays.ts). */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Session } from './session.js';

function sha256(bytes: Buffer | string): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The error, or undefined when the session is authenticated now. `bare`: AUTH with a password only. */
export function authenticate(
  session: Session,
  user: string,
  password: Buffer,
  bare: boolean,
): string | undefined {
  const expected = session.host.settings.password;
  if (expected === undefined) {
    if (bare) {
      return (
        'ERR AUTH <password> called without any password configured for the default user. ' +
        'Are you sure your configuration is correct?'
      );
    }
    return user === 'default' ? undefined : 'WRONGPASS invalid username-password pair or user is disabled.';
  }
  const equal = timingSafeEqual(sha256(password), sha256(expected));
  if (!equal || user !== 'default') {
    session.punish();
    return 'WRONGPASS invalid username-password pair or user is disabled.';
  }
  session.admit();
  return undefined;
}

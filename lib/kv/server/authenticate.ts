/** Who a client is: a user and one of its passwords. A wrong one costs time (auth-delays.ts). */
import { createHash } from 'node:crypto';
import type { Session } from './session.js';

const WRONG = 'WRONGPASS invalid username-password pair or user is disabled.';

/** The error, or undefined when the session is that user's now. `bare`: AUTH with a password only. */
export function authenticate(
  session: Session,
  name: string,
  password: Buffer,
  bare: boolean,
): string | undefined {
  const { users } = session.host;
  if (bare && users.default.isOpen) {
    return (
      'ERR AUTH <password> called without any password configured for the default user. ' +
      'Are you sure your configuration is correct?'
    );
  }
  const user = users.get(name);
  // Of one that is not there the password is hashed too: the time does not tell which there are.
  if (user === undefined) createHash('sha256').update(password).digest();
  if (user?.accepts(password) === true) {
    session.admit(user);
    return undefined;
  }
  if (users.isGuarded) session.punish();
  return WRONG;
}

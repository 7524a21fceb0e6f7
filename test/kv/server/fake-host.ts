/** The port around a connection under test: a clock that stands still unless it is told, and nobody else. */
import type { Users } from '../../../lib/kv/acl/users.js';
import { AuthDelays } from '../../../lib/kv/server/auth-delays.js';
import { Counters } from '../../../lib/kv/server/counters.js';
import type { KvServerSettings } from '../../../lib/kv/server/options.js';
import type { Session, SessionHost } from '../../../lib/kv/server/session.js';

export class FakeHost implements SessionHost {
  readonly settings: KvServerSettings;
  readonly users: Users;
  readonly sessions: Session[] = [];
  readonly clients = 1;
  readonly port = 1;
  readonly runId = '';
  readonly startedMs = 0;
  readonly counters: Counters = new Counters();
  readonly authDelays: AuthDelays = new AuthDelays();
  readonly hashKey: Buffer = Buffer.alloc(16, 1);
  readonly isKeyWanted = false;
  elapsedMs = 0;

  constructor(settings: KvServerSettings) {
    this.settings = settings;
    this.users = settings.users;
  }

  nowMs(): number {
    return 0;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  executed(): void {}

  session(): undefined {
    return undefined;
  }
}

/** Whether a user may do what a request asks for, and Redis' texts for what it may not. */
import type { CommandSpec } from '../commands/table.js';
import { placeOf } from './command-places.js';
import type { User } from './user.js';

/** The arguments of a request, its name first: bytes[starts[i], ends[i]). */
interface Arguments {
  readonly bytes: Uint8Array;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
  readonly argc: number;
}

const NO_KEY = 'NOPERM this user has no permissions to access one of the keys used as arguments';

/** The error for a request whose full name is `name`; undefined: it may. */
export function denialOf(
  user: User,
  spec: CommandSpec,
  name: string,
  { bytes, starts, ends, argc }: Arguments,
): string | undefined {
  if (!user.allows(placeOf(spec, name))) {
    return `NOPERM this user has no permissions to run the '${name}' command`;
  }
  const { first, last, step } = spec.keys;
  if (first === 0 || user.hasAllKeys) return undefined;
  const end = last < 0 ? argc + last : Math.min(last, argc - 1);
  for (let i = first; i <= end; i += step) if (!user.mayUse(bytes, starts[i]!, ends[i]!)) return NO_KEY;
  return undefined;
}

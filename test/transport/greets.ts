/** What a caller says before a frame of its own counts, for tests that hold a bare socket. */
import { type ClusterKeys, keyFor, newSalt, proofOfCaller } from '../../lib/transport/proof.js';
import type { Hello } from '../../lib/wire/hello-codec.js';
import { encodeHello, encodeProof } from '../../lib/wire/hello-codec.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { frameOf } from '../wire/frames.js';
import { KEYS } from './places.js';
import type { RawConnection } from './raw-connection.js';

/**
 * Says hello, and proves that it has the key if asked to; does not wait for what is said to that.
 * @param said what is said instead of the hello that the proof is for
 */
export async function greet(
  raw: RawConnection,
  hello: Hello,
  keys: ClusterKeys = KEYS,
  said?: Hello,
): Promise<void> {
  const caller = { ...hello, salt: said?.salt ?? newSalt() };
  raw.write(frameOf(encodeHello, said ?? caller));
  const ended = raw.closed.then(() => 'closed');
  await Promise.race([raw.until(() => raw.frames().length > 0), ended]);
  const [first] = raw.frames();
  if (first?.kind !== FrameKind.challenge) return;
  const greeted = { caller, listenerSalt: first.body, binding: Buffer.alloc(0) };
  const bytes = proofOfCaller(keyFor(keys, caller.role), greeted);
  raw.write(frameOf(encodeProof, { type: 'proof', bytes }));
}

import { expect, it } from 'vitest';
import { FrameKind, isBulk, isVersionless } from '../../lib/wire/protocol.js';

const kindsThat = (is: (kind: number) => boolean) =>
  Object.entries(FrameKind).flatMap(([name, kind]) => (is(kind) ? [name] : []));

it('what may be long is sent as fast as it is taken, and nothing else waits with it', () => {
  expect(kindsThat(isBulk)).toEqual(['slice', 'promised', 'accept', 'chosen', 'checkpointChunk']);
});

it('what tells two versions apart is understood by both', () => {
  expect(kindsThat(isVersionless)).toEqual(['hello', 'refusal']);
});

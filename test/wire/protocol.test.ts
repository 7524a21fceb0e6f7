import { expect, it } from 'vitest';
import {
  FrameKind,
  isBulk,
  isVersionless,
  PROTOCOL_VERSION as NEWEST,
  PROTOCOL_VERSION_MIN as OLDEST,
  versionWith,
} from '../../lib/wire/protocol.js';

const kindsThat = (is: (kind: number) => boolean) =>
  Object.entries(FrameKind).flatMap(([name, kind]) => (is(kind) ? [name] : []));

it('what may be long is sent as fast as it is taken, and nothing else waits with it', () => {
  expect(kindsThat(isBulk)).toEqual(['slice', 'promised', 'accept', 'chosen', 'checkpointChunk']);
});

it('what tells two versions apart is understood by both', () => {
  expect(kindsThat(isVersionless)).toEqual(['hello', 'refusal']);
});

it.each([
  ['the same program', OLDEST, NEWEST, NEWEST],
  ['a later one that still speaks the newest here', NEWEST, NEWEST + 3, NEWEST],
  ['a later one that speaks none of them', NEWEST + 1, NEWEST + 3, undefined],
  ['an earlier one that speaks the oldest here', OLDEST - 2, OLDEST, OLDEST],
  ['an earlier one that speaks none of them', OLDEST - 2, OLDEST - 1, undefined],
])('the newest version that both speak is spoken with %s', (_, oldest, newest, spoken) => {
  expect(versionWith({ oldest, newest })).toBe(spoken);
});

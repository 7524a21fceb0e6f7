import { expect, it } from 'vitest';
import { REPLICA_ID_MAX } from '../../lib/limits.js';
import { checkShape, type StoreShape } from '../../lib/storage/shape.js';
import { IDENTITY, SHAPE } from '../contract/storage.js';

const UPPER_CASE = IDENTITY.clusterId.replaceAll(/./g, 'A');

it.each<[string, StoreShape]>([
  ['clusterId', { ...SHAPE, identity: { ...IDENTITY, clusterId: UPPER_CASE } }],
  ['clusterId', { ...SHAPE, identity: { ...IDENTITY, clusterId: IDENTITY.clusterId.slice(1) } }],
  ['storeUuid', { ...SHAPE, identity: { ...IDENTITY, storeUuid: `${IDENTITY.storeUuid}0` } }],
  ['replicaId', { ...SHAPE, identity: { ...IDENTITY, replicaId: 0 } }],
  ['replicaId', { ...SHAPE, identity: { ...IDENTITY, replicaId: 1.5 } }],
  ['recordBytesMax', { ...SHAPE, recordBytesMax: 1 }],
  ['logBytes', { ...SHAPE, logBytes: 7 * SHAPE.recordBytesMax }],
  ['logBytes', { ...SHAPE, logBytes: 2 ** 43 }],
])('a shape with another %s than a store can have is refused by that name', (name, shape) => {
  expect(() => checkShape(shape)).toThrow(
    expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT', message: expect.stringContaining(name) }),
  );
});

it('a shape that a store can have is none to complain of, at every bound', () => {
  expect(() => checkShape(SHAPE)).not.toThrow();
  for (const replicaId of [1, REPLICA_ID_MAX]) {
    expect(() => checkShape({ ...SHAPE, identity: { ...IDENTITY, replicaId } })).not.toThrow();
  }
  expect(() => checkShape({ ...SHAPE, logBytes: 2 ** 42 })).not.toThrow();
});

/** What the header of a checkpoint says: in which form it is written, and what is taken for one. */
import { describe, expect, it } from 'vitest';
import { type CheckpointMeta, decodeHeader, encodeHeader } from '../../lib/storage/checkpoint-format.js';
import { digestOf } from '../../lib/storage/crc64.js';
import { ballotOf, IDENTITY } from '../contract/storage.js';

/** Where the description begins. */
const JSON_AT = 40;
const VOTER = { id: 2, storeUuid: IDENTITY.storeUuid };
const META: CheckpointMeta = {
  clusterId: IDENTITY.clusterId,
  checkpointId: 1,
  throughSlot: 10,
  configuration: { number: 1, members: [VOTER] },
  chainDigest: 70,
  timeMs: 1_700_000_000_000,
};
const CHANGED: CheckpointMeta = {
  ...META,
  configuration: {
    number: 4,
    members: [VOTER, { id: 3, storeUuid: 'a'.repeat(32), role: 'learner', address: 'unix:/run/3' }],
    highestId: 5,
  },
  configurationAbove: ballotOf(1),
  ballot: ballotOf(2),
  stateDigest: 'state 10',
};

function versionOf(meta: CheckpointMeta): number {
  const bytes = encodeHeader(meta);
  expect(decodeHeader(bytes, 'file').meta).toEqual(meta);
  return new DataView(bytes.buffer).getUint32(8, true);
}

/** A header with the right digest around any text. */
function headerAround(text: string): Uint8Array {
  const bytes = encodeHeader({ ...META, stateDigest: ' '.repeat(1000) });
  const json = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, json.length, true);
  bytes.fill(0, JSON_AT, bytes.length - 8);
  bytes.set(json, JSON_AT);
  view.setBigUint64(bytes.length - 8, BigInt(digestOf(bytes, 0, bytes.length - 8)), true);
  return bytes;
}

describe('the header of a checkpoint', () => {
  it('has the oldest form that can say what there is to be said', () => {
    expect(versionOf(META)).toBe(1);
    expect(versionOf({ ...META, ballot: ballotOf(1), stateDigest: 's' })).toBe(1);
    expect(versionOf({ ...META, configurationAbove: ballotOf(1) })).toBe(2);
    const learner = { ...VOTER, role: 'learner' } as const;
    expect(versionOf({ ...META, configuration: { number: 1, members: [VOTER, learner] } })).toBe(2);
    expect(versionOf(CHANGED)).toBe(2);
    expect(versionOf({ ...META, sessionBytes: 0 })).toBe(3);
    expect(versionOf({ ...CHANGED, sessionBytes: 300 })).toBe(3);
  });

  const withConfiguration = (changed: object): object => ({
    ...META,
    configuration: { ...META.configuration, ...changed },
  });
  const withMember = (member: object | null): object => withConfiguration({ members: [VOTER, member] });
  it.each<[string, unknown]>([
    ['nothing', null],
    ['a number', 7],
    ['without a cluster', { ...META, clusterId: undefined }],
    ['with a checkpoint number below zero', { ...META, checkpointId: -1 }],
    ['with a slot between two', { ...META, throughSlot: 1.5 }],
    ['with a chain that is no number', { ...META, chainDigest: '7' }],
    ['without a configuration', { ...META, configuration: undefined }],
    ['with a time that is no number', { ...META, timeMs: null }],
    ['with a ballot below zero', { ...META, ballot: -1 }],
    ['with a ballot of its configuration that is none', { ...META, configurationAbove: 'x' }],
    ['with members that are no list', withConfiguration({ members: { 0: VOTER } })],
    ['with a member that is none', withMember(null)],
    ['with a member without a number', withMember({ ...VOTER, id: 'two' })],
    ['with a member without a store', withMember({ id: 3 })],
    ['with a member of an unknown role', withMember({ ...VOTER, role: 'king' })],
    ['with an address that is no text', withMember({ ...VOTER, address: 7 })],
    ['with a highest member that is no number', withConfiguration({ highestId: '5' })],
    ['with a digest that is no text', { ...META, stateDigest: 7 }],
    ['with sessions of a length below zero', { ...META, sessionBytes: -8 }],
  ])('is refused %s', (_, meta) => {
    const refused = expect.objectContaining({ code: 'ERR_INDELIBLE_CHECKPOINT_INVALID' });
    expect(() => decodeHeader(headerAround(JSON.stringify(meta)), 'file')).toThrow(refused);
  });

  it('is refused where it is no JSON, and not where it is as usual', () => {
    expect(() => decodeHeader(headerAround('{"clusterId":'), 'file')).toThrow(/not JSON/);
    expect(decodeHeader(headerAround(JSON.stringify(CHANGED)), 'file').meta).toEqual(CHANGED);
  });
});

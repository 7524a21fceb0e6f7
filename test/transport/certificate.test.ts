import { describe, expect, it } from 'vitest';
import { faultOfNames, replicasNamedIn } from '../../lib/transport/certificate.js';

describe('the names of a certificate', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['URI:indelible:replica:3', [3]],
    ['DNS:db.example, URI:indelible:replica:3, IP Address:10.0.0.1, URI:indelible:replica:12', [3, 12]],
    ['URI:indelible:replica:0, URI:indelible:replica:03, URI:indelible:replica:', []],
    ['URI:indelible:replica:99999', []],
    ['DNS:indelible:replica:3', []],
    ['URI:indelible:replica:3x, URI:xindelible:replica:3', []],
    // Node.js puts what has a comma in it in quotes.
    ['DNS:"a, URI:indelible:replica:3, b"', []],
    ['URI:"http://a/, URI:indelible:replica:3", URI:indelible:replica:4', [4]],
    ['DNS:"a\\", URI:indelible:replica:3, \\"b"', []],
  ])('%j are those of replicas %j', (names, replicas) => {
    expect(replicasNamedIn(names)).toEqual(replicas);
  });

  it('must have the replica that is wanted, or any where any will do', () => {
    expect(faultOfNames([3], 3)).toBeUndefined();
    expect(faultOfNames([3], 0)).toBeUndefined();
    expect(faultOfNames([3], 2)).toMatch(/names replica 3; .* URI:indelible:replica:2/);
    expect(faultOfNames([], 0)).toMatch(/names no replica/);
  });
});

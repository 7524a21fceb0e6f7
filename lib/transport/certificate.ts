/**
 * Which replica a certificate is for: it names replica 3 by a subject alternative name of the kind URI,
 * `indelible:replica:3`. Host names and addresses in it count for nothing, so that replicas may move.
 */
import { REPLICA_ID_MAX } from '../limits.js';
import type { ReplicaId } from '../types.js';

/** Names as Node.js writes them, one by one: what could be mistaken for a separator stands in quotes. */
const NAME = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy;

const REPLICA = /^indelible:replica:([1-9]\d{0,4})$/;

/** The replicas that the subject alternative names of a certificate are for. */
export function replicasNamedIn(subjectAltName: string | undefined): readonly ReplicaId[] {
  const ids: ReplicaId[] = [];
  for (const [, kind, name] of (subjectAltName ?? '').matchAll(NAME)) {
    const id = Number(REPLICA.exec(kind === 'URI' ? name! : '')?.[1] ?? 0);
    if (id >= 1 && id <= REPLICA_ID_MAX) ids.push(id);
  }
  return ids;
}

/** Why a certificate that names `named` is not that of replica `wanted`; 0 is any replica. */
export function faultOfNames(named: readonly ReplicaId[], wanted: ReplicaId): string | undefined {
  const isNamed = wanted === 0 ? named.length > 0 : named.includes(wanted);
  if (isNamed) return undefined;
  const whose = named.length === 0 ? 'no replica' : `replica ${named.join(', ')}`;
  const needed = wanted === 0 ? 'URI:indelible:replica:N' : `URI:indelible:replica:${wanted}`;
  return `its certificate names ${whose}; it needs the subject alternative name ${needed}`;
}

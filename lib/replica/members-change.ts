/**
 * A change of the cluster's members, as it is asked for: the whole list that is to be, and the number that
 * its configuration is to have, so that of two who ask at once only one is heard.
 */
import { argumentError, argumentTypeError } from '../errors.js';
import { MEMBER_TEXT_BYTES_MAX, MEMBERS_MAX, REPLICA_ID_MAX } from '../limits.js';
import { parseAddress } from '../transport/address.js';
import type { Configuration, Member } from '../types.js';

/** What {@link Replica.changeMembers} takes. */
export interface MembersChange {
  /** That of the configuration in force, plus one: a change that was made for another one is refused. */
  readonly number: number;
  /** Every member from then on; of those that stay, with the store and the address that they have. */
  readonly members: readonly Member[];
  /** A word by which the event names it, at most 255 bytes; one is drawn where none is given. */
  readonly cookie?: string;
}

/** @throws TypeError, RangeError with ERR_INDELIBLE_ARGUMENT for what no cluster can have as its members */
export function checkChange({ number, members, cookie = '' }: MembersChange): void {
  if (!(Number.isSafeInteger(number) && number >= 2 && number < 2 ** 32)) {
    throw argumentError(`the number of the configuration that is to be is 2 … 2³² − 1, not ${number}`);
  }
  if (typeof cookie !== 'string') throw argumentTypeError('a cookie is a string');
  checkText('a cookie', cookie);
  if (!Array.isArray(members)) throw argumentTypeError('the members are an array');
  if (members.length < 1 || members.length > MEMBERS_MAX) {
    throw argumentError(`a cluster has 1 … ${MEMBERS_MAX} members, not ${members.length}`);
  }
  for (const member of members) checkMember(member);
  if (new Set(members.map(({ id }) => id)).size < members.length) {
    throw argumentError('two members have the same id');
  }
  if (members.every(({ role }) => role === 'learner')) throw argumentError('a cluster has a voter');
}

/** True if these are the members of that configuration: ids, stores, roles and addresses. */
export function hasMembers({ members }: Configuration, wanted: readonly Member[]): boolean {
  const isThere = (member: Member): boolean =>
    members.some(
      ({ id, storeUuid, role, address }) =>
        id === member.id &&
        storeUuid === member.storeUuid &&
        role === member.role &&
        address === member.address,
    );
  return members.length === wanted.length && wanted.every(isThere);
}

function checkMember({ id, storeUuid, role, address }: Member): void {
  if (!(Number.isInteger(id) && id >= 1 && id <= REPLICA_ID_MAX)) {
    throw argumentError(`a replica’s id is 1 … ${REPLICA_ID_MAX}, not ${id}`);
  }
  if (!/^[0-9a-f]{32}$/.test(storeUuid)) {
    throw argumentError(`the store of replica ${id} is 32 lower-case hex digits, not ${storeUuid}`);
  }
  if (role !== undefined && role !== 'learner') {
    throw argumentError(`the role of replica ${id} is learner, or none: a voter; not ${String(role)}`);
  }
  if (address === undefined) return;
  parseAddress(address);
  checkText(`the address of replica ${id}`, address);
}

function checkText(what: string, text: string): void {
  const lengthBytes = Buffer.byteLength(text);
  if (lengthBytes <= MEMBER_TEXT_BYTES_MAX) return;
  throw argumentError(`${what} of ${lengthBytes} bytes; the limit is ${MEMBER_TEXT_BYTES_MAX}`);
}

/**
 * Loaded in front of a replica (`--import`): what is asked of it belongs to no session, and is not asked
 * again.
 */
const { Placing } = await import(new URL('../../dist/replica/placing.js', import.meta.url).href);

for (const name of ['submit', 'deadlineOf']) {
  if (typeof Placing.prototype[name] !== 'function') throw new Error(`Placing has no ${name}`);
}
Placing.prototype.submit = function submit(requester, first, count, bytes, start, end) {
  return this.submissions.add(requester, first, count, bytes, start, end, this.deadlineOf(requester));
};

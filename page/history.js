/**
 * What the page remembers of the moments it was shown: rates and shares come from the difference of two.
 *
 * A moment is what `/events` sends: `{ atMs, verdict, replicas: [{ id, status?, health?, problem }] }`.
 */

/** Moments that are remembered: three minutes at one a second. */
const MOMENTS_MAX = 180;
/** Over so many milliseconds latency and rates of the figures are taken. */
const WINDOW_MS = 10_000;

export class History {
  #moments = [];

  add(moment) {
    this.#moments.push(moment);
    if (this.#moments.length > MOMENTS_MAX) this.#moments.shift();
  }

  get last() {
    return this.#moments.at(-1);
  }

  get moments() {
    return this.#moments;
  }

  /** Commands and reads a second between each moment and the one before: `[commands, reads]`. */
  paces() {
    return this.#moments.map((moment, index) => paceBetween(this.#moments[index - 1], moment));
  }

  /** The same over the last ten seconds. */
  pace() {
    return paceBetween(this.#before(), this.last);
  }

  /** Commands by how long they took at the leader, over the last ten seconds: `[[seconds, count], …]`. */
  latencies() {
    const before = this.#before();
    const counts = new Map();
    for (const { id, status } of this.last?.replicas ?? []) {
      const earlier = new Map(statusOf(before, id)?.pace.commit ?? []);
      for (const [seconds, count] of status?.pace.commit ?? []) {
        const more = count - (earlier.get(seconds) ?? 0);
        // A replica that was started again counts from nothing.
        if (more > 0 && before !== undefined) counts.set(seconds, (counts.get(seconds) ?? 0) + more);
      }
    }
    return [...counts].sort(([a], [b]) => a - b);
  }

  /**
   * Slots that replicas have not applied of what the cluster knew to be chosen a moment before: they are asked
   * one after the other, and what is chosen meanwhile is nobody's lag.
   */
  lags() {
    return this.#moments.map((moment, index) => {
      const before = this.#moments[index - 1]?.verdict.learnedThrough ?? 0;
      const lags = moment.replicas.map(({ id, status }) => {
        if (status === undefined) return [id, null];
        return [id, Math.max(status.lagSlots, before - status.appliedThrough, 0)];
      });
      return new Map(lags);
    });
  }

  #before() {
    const { last } = this;
    return this.#moments.find((moment) => last.atMs - moment.atMs <= WINDOW_MS && moment !== last);
  }
}

function statusOf(moment, id) {
  return moment?.replicas.find((replica) => replica.id === id)?.status;
}

/** Every replica executes every command: the one that executed most tells. Each answers its own reads. */
function paceBetween(before, now) {
  if (before === undefined || now === undefined) return [null, null];
  const seconds = (now.atMs - before.atMs) / 1000;
  let commands = 0;
  let reads = 0;
  for (const { id, status } of now.replicas) {
    const earlier = statusOf(before, id);
    if (status === undefined || earlier === undefined) continue;
    commands = Math.max(commands, status.commandsExecuted - earlier.commandsExecuted);
    reads += Math.max(0, status.queriesAnswered - earlier.queriesAnswered);
  }
  return [commands / seconds, reads / seconds];
}

/** The value below which a share of `[[seconds, count], …]` lies; undefined of nothing. */
export function quantile(buckets, share) {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  let left = total * share;
  for (const [seconds, count] of buckets) {
    left -= count;
    if (left <= 0 && total > 0) return seconds;
  }
  return undefined;
}

/**
 * Simulated time: a queue of what happens when. Nothing in a simulation waits for a real clock.
 *
 * 1. Events run in the order of their time; those of the same time in the order they were asked for.
 * 2. Time never goes back.
 */

/** Units of simulated time in one nominal tick of a replica. */
export const TICK_UNITS = 100;

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

export class Clock {
  now = 0;
  private readonly heap: Entry[] = [];
  private asked = 0;

  /** Runs `run` `delay` units from now, 0 or more. */
  after(delay: number, run: () => void): void {
    const entry = { at: this.now + delay, order: this.asked++, run };
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Moves to the next event and runs it. @returns false when nothing is left to happen. */
  step(): boolean {
    const first = this.heap[0];
    if (first === undefined) return false;
    const last = this.heap.pop()!;
    if (this.heap.length > 0) this.sink(last);
    this.now = first.at;
    first.run();
    return true;
  }

  private sink(entry: Entry): void {
    const { heap } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(entry, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}

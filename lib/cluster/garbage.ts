/**
 * How often a replica's process collects garbage.
 *
 * A replica's JavaScript heap is small, some ten megabytes, and stays so; what it takes in and writes out
 * are buffers outside of it, a hundred megabytes a second under load. The engine counts them as if they
 * were heap, and by its own measure marks the whole heap anew for every fifteen megabytes of them: a
 * fifth of the processor time of a loaded replica. So the heap, with those buffers, may grow to five
 * times its size before that.
 *
 * 1. Memory stays bounded: by five times what is alive, which the bounds of queues and connections bound.
 */
import { setFlagsFromString } from 'node:v8';

/** The engine looks at this flag whenever it has collected, not only when it starts. */
const GROWTH = '--heap-growing-percent=400';

/** Called once, by a process that is a replica and nothing else: it concerns all of the process. */
export function collectSeldom(): void {
  setFlagsFromString(GROWTH);
}

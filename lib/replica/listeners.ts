/**
 * An emitter whose listeners cannot harm it: each is called, whatever the others do, and what one throws or
 * rejects with is reported and stops nothing.
 */
import { EventEmitter } from 'node:events';
import { callbackReturned, callbackThrew } from '../callbacks.js';

type Listener = (...args: unknown[]) => unknown;

export class SafeEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  /** Calls every listener of `event`. @returns whether there was one */
  protected tell<Name extends keyof Events & string>(event: Name, ...args: Events[Name]): boolean {
    // Those of `once` take themselves out as they are called.
    const listeners = (this as EventEmitter).rawListeners(event) as Listener[];
    for (const listener of listeners) {
      try {
        const returned = listener.apply(this, args);
        if (returned !== undefined) callbackReturned(`a listener of '${event}'`, returned);
      } catch (error) {
        callbackThrew(`a listener of '${event}'`, error);
      }
    }
    return listeners.length > 0;
  }
}

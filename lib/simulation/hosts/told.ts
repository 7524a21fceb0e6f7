/** How the parts of a simulation of hosts tell the checkers what happens. */
import type { Observer } from '../observer.js';

export type Tell = <K extends keyof Observer>(
  what: K,
  ...facts: Parameters<NonNullable<Observer[K]>>
) => void;

/**
 * Which commands a user may use: rules like `+@read` and `-client|kill`, of which each changes what those
 * before it said, kept as they are shown and as one bit a command.
 */
import { NAMES, placeNamed, placesBelow, placesIn } from './command-places.js';

/** What everybody may do, whatever the rules say, as in Redis: they choose who one is, or end it. */
const FREE: readonly number[] = ['auth', 'hello', 'quit', 'reset'].map((name) => placeNamed(name)!);

export class CommandRules {
  #bits: Uint32Array = new Uint32Array(Math.ceil(NAMES.length / 32));
  #rules: string[] = ['-@all'];
  /** Whether everything is allowed, without an exception. */
  isAll = false;

  constructor() {
    this.#all(false);
  }

  /** The rules that count: one that a later one for the same commands undoes is not among them. */
  get text(): string {
    return this.#rules.join(' ');
  }

  /** Whether the command at that place may be used. */
  allows(place: number): boolean {
    return ((this.#bits[place >>> 5]! >>> (place & 31)) & 1) !== 0;
  }

  /** Adds a rule in lower case. False: it is none, or names what there is not here. */
  add(rule: string): boolean {
    const isAllowed = rule[0] === '+';
    const what = rule.slice(1);
    if (!isAllowed && rule[0] !== '-') return false;
    if (what === '@all') {
      this.#all(isAllowed);
      this.#rules = [rule];
      this.isAll = isAllowed;
      return true;
    }
    const places = what[0] === '@' ? placesIn(what.slice(1)) : placesBelow(what);
    if (places === undefined || (what[0] !== '@' && places.length === 0)) return false;
    for (const place of places) this.#set(place, isAllowed);
    for (const place of FREE) this.#set(place, true);
    const [start = '', ...others] = this.#rules;
    const kept = others.filter((each) => each.slice(1) !== what && !each.slice(1).startsWith(`${what}|`));
    this.#rules = [start, ...kept, rule];
    this.isAll = false;
    return true;
  }

  #all(isAllowed: boolean): void {
    this.#bits.fill(isAllowed ? 0xffff_ffff : 0);
    for (const place of FREE) this.#set(place, true);
  }

  #set(place: number, isAllowed: boolean): void {
    const mask = 1 << (place & 31);
    const word = place >>> 5;
    this.#bits[word] = isAllowed ? this.#bits[word]! | mask : this.#bits[word]! & ~mask;
  }
}

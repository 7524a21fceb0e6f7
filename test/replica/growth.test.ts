import { beforeEach, describe, expect, it } from 'vitest';
import { refuseGrowth } from '../../lib/replica/growth.js';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import { Outcomes } from '../../lib/replica/outcomes.js';
import { Outcome, type Requester } from '../../lib/replica/service.js';
import { SESSION_NEW } from '../../lib/replica/sessions/session-terms.js';
import { Submissions } from '../../lib/replica/submissions.js';

/** A command of one byte: what grows the state is a 1. */
const GROW = 1;
const SHRINK = 0;

class Asker implements Requester {
  readonly heard: [first: number, count: number, outcome: Outcome][] = [];
  outcome(first: number, count: number, outcome: Outcome): void {
    this.heard.push([first, count, outcome]);
  }
  drain(): void {}
}

const NO_LINES = { refuseGrowth: (): void => {} };

let submissions: Submissions;
let pendingSlots: number;

beforeEach(() => {
  submissions = new Submissions({ ...TUNING_DEFAULT, batchBytesMax: 1 << 20 });
  pendingSlots = 0;
});

function ask(asker: Asker, first: number, ...commands: readonly number[]): void {
  const body = Buffer.concat(commands.map((command) => Buffer.from([1, 0, 0, 0, command])));
  submissions.add(asker, first, commands.length, body, 0, body.length);
}

const refuse = (): boolean =>
  refuseGrowth(submissions, NO_LINES, { outcomes: new Outcomes(), pendingSlots }, (bytes, start, end) => {
    expect(end - start).toBe(1);
    return bytes[start] === GROW;
  });

/** Whose requests wait, and how many. */
function waiting(): [Requester, number][] {
  const left: [Requester, number][] = [];
  submissions.visit(({ requester, count }) => left.push([requester, count]));
  return left;
}

describe('what grows the state', () => {
  it('is refused for want of room, and the rest goes on', () => {
    const [grower, shrinker] = [new Asker(), new Asker()];
    ask(grower, 1, GROW);
    ask(shrinker, 1, SHRINK, SHRINK);
    expect(refuse()).toBe(true);
    expect(grower.heard).toEqual([[1, 1, Outcome.diskFull]]);
    expect(shrinker.heard).toEqual([]);
    expect(waiting()).toEqual([[shrinker, 2]]);
  });

  it('is refused with all that its requester has asked besides, so that answers stay in order', () => {
    const mixed = new Asker();
    ask(mixed, 1, SHRINK, GROW, SHRINK);
    ask(mixed, 4, SHRINK);
    expect(refuse()).toBe(true);
    expect(mixed.heard.map(([first, count]) => [first, count])).toEqual([[1, 4]]);
    expect(waiting()).toEqual([]);
  });

  it('waits until what was proposed before has its outcome', () => {
    const [grower, shrinker] = [new Asker(), new Asker()];
    ask(shrinker, 1, SHRINK);
    pendingSlots = 1;
    expect(refuse(), 'nothing grows: nothing is in the way').toBe(true);
    ask(grower, 1, GROW);
    expect(refuse()).toBe(false);
    expect([grower.heard, shrinker.heard]).toEqual([[], []]);
    pendingSlots = 0;
    expect(refuse()).toBe(true);
    expect(grower.heard).toHaveLength(1);
  });

  it('is refused by a line to its own requesters, and is not the opening of a session', () => {
    const [line, opener, grower] = [new Asker(), new Asker(), new Asker()];
    Object.assign(line, { bind: () => ({ session: 5, sequence: 1, answeredThrough: 0 }) });
    const opening = Buffer.from([1, 0, 0, 0, GROW]);
    const terms = { session: SESSION_NEW, sequence: 0, answeredThrough: 0 };
    submissions.add(opener, 1, 1, opening, 0, opening.length, 100, terms);
    pendingSlots = 1;
    expect(refuse(), 'a session that is opened grows nothing: it waits for nothing').toBe(true);
    pendingSlots = 0;
    ask(line, 1, GROW);
    expect(refuse()).toBe(true);
    expect([line.heard, opener.heard], 'neither hears of it here').toEqual([[], []]);
    expect(waiting()).toEqual([
      [opener, 1],
      [line, 1],
    ]);
    ask(opener, 2, GROW);
    ask(grower, 1, GROW);
    expect(refuse()).toBe(true);
    expect(opener.heard, 'what it asks besides is refused').toEqual([[2, 1, Outcome.diskFull]]);
    expect(grower.heard).toHaveLength(1);
    expect(waiting().map(([requester]) => requester)).toEqual([opener, line]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import type { Asker } from '../../lib/transport/request-line.js';
import { RequestLine } from '../../lib/transport/request-line.js';
import { bodyOf } from '../wire/arbitraries.js';

interface Answer {
  readonly number: number;
  readonly outcome: number;
  readonly result: string | undefined;
}

/** Notes its outcomes one by one. */
class Notes implements Asker {
  readonly answers: Answer[] = [];

  outcome(
    first: number,
    count: number,
    outcome: number,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    const view = Buffer.from(results.buffer, results.byteOffset, results.length);
    let at = start;
    for (let i = 0; i < count; i++) {
      const length = outcome === 0 ? view.readUInt32LE(at) : 0;
      const result = outcome === 0 ? view.toString('utf8', at + 4, at + 4 + length) : undefined;
      this.answers.push({ number: first + i, outcome, result });
      if (outcome === 0) at += 4 + length;
    }
    expect(at).toBe(end);
  }

  drain(): void {}
}

const NEVER = Number.POSITIVE_INFINITY;

function results(numbers: readonly number[]): Uint8Array {
  return bodyOf(numbers.map((number) => Buffer.from(`result ${number}`)));
}

describe('requests under way', () => {
  it('are answered each once, to who asked, however the runs are cut', () => {
    const runs = fc.array(fc.record({ who: fc.nat(2), count: fc.integer({ min: 1, max: 5 }) }), {
      maxLength: 600,
    });
    fc.assert(
      fc.property(runs, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (asked, cuts) => {
        const line = new RequestLine(1);
        const askers = [new Notes(), new Notes(), new Notes()];
        const next = [100, 200_000, 400_000];
        const due: { who: number; number: number; wire: number }[] = [];
        let answered = 0;
        const answer = (count: number): void => {
          const group = due.slice(answered, answered + count);
          if (group.length === 0) return;
          const body = results(group.map((each) => each.wire));
          line.check(group[0]!.wire, group.length);
          line.answer(group.length, 0, body, 0, body.length);
          answered += group.length;
        };
        asked.forEach(({ who, count }, i) => {
          const wire = line.append(askers[who]!, next[who]!, count, NEVER);
          for (let k = 0; k < count; k++) due.push({ who, number: next[who]! + k, wire: wire + k });
          next[who]! += count;
          if (i % 2 === 1) answer(cuts[i % cuts.length]!);
        });
        while (answered < due.length) answer(cuts[answered % cuts.length]!);
        expect(line.outstanding).toBe(0);
        askers.forEach((asker, who) => {
          expect(asker.answers).toEqual(
            due
              .filter((each) => each.who === who)
              .map((each) => ({ number: each.number, outcome: 0, result: `result ${each.wire}` })),
          );
        });
      }),
      { numRuns: 200 },
    );
  });

  it('are all answered alike when the connection is gone', () => {
    const line = new RequestLine(10);
    const [one, two] = [new Notes(), new Notes()];
    expect(line.append(one, 1, 2, NEVER)).toBe(10);
    expect(line.append(two, 1, 1, NEVER)).toBe(12);
    line.answerAll(2);
    line.answerAll(2);
    expect(one.answers.map((each) => [each.number, each.outcome])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(two.answers.length).toBe(1);
  });

  it('may be appended by who is just being answered', () => {
    const line = new RequestLine(1);
    const answers: number[] = [];
    const asker: Asker = {
      outcome(first) {
        answers.push(first);
        if (answers.length < 5) line.append(asker, first + 10, 1, NEVER);
      },
      drain() {},
    };
    line.append(asker, 1, 1, NEVER);
    while (line.outstanding > 0) line.answer(1, 1, new Uint8Array(0), 0, 0);
    expect(answers).toEqual([1, 11, 21, 31, 41]);
  });

  it('are not answered to who was forgotten', () => {
    const line = new RequestLine(1);
    const [one, two] = [new Notes(), new Notes()];
    line.append(one, 1, 1, NEVER);
    line.append(two, 1, 1, NEVER);
    line.forget(one);
    const body = results([1, 2]);
    line.answer(2, 0, body, 0, body.length);
    expect(one.answers).toEqual([]);
    expect(two.answers).toEqual([{ number: 1, outcome: 0, result: 'result 2' }]);
  });

  it('refuse outcomes out of order, doubled, or of what was not asked', () => {
    const line = new RequestLine(1);
    line.append(new Notes(), 1, 3, NEVER);
    const frame = expect.objectContaining({ code: ErrorCode.frame });
    for (const [first, count] of [
      [2, 1],
      [0, 1],
      [1, 4],
    ] as const) {
      expect(() => line.check(first, count)).toThrow(frame);
    }
    line.check(1, 3);
  });
});

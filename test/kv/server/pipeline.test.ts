import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Output } from '../../../lib/kv/resp/output.js';
import { Pipeline, type PipelineOwner } from '../../../lib/kv/server/pipeline.js';
import { Outcome, type Requester, type Service } from '../../../lib/replica/service.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/server/pipeline.test.ts';

interface Asked {
  query: boolean;
  first: number;
  /** What each request says. */
  words: string[];
}

/** A service that does what a test decides, and checks what it is asked. */
class Puppet implements Service {
  asked: Asked[] = [];
  refuse = false;
  #requester: Requester | undefined = undefined;

  submit(r: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#take(r, false, first, count, Buffer.from(bytes.subarray(start, end)));
  }

  query(r: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#take(r, true, first, count, Buffer.from(bytes.subarray(start, end)));
  }

  abandon(): void {
    this.asked = [];
  }

  flush(): void {}

  drain(): void {
    this.refuse = false;
    this.#requester?.drain();
  }

  /**
   * Gives the first `count` requests asked the outcome, all in one call as far as they are of a kind,
   * whichever runs they came in; done ones answer with their words and `mark`.
   */
  answer(count: number, outcome: Outcome, mark: string): void {
    const head = this.asked[0];
    if (head === undefined || this.#requester === undefined) return;
    const { first, query } = head;
    const words: string[] = [];
    for (;;) {
      const next = this.asked[0];
      if (words.length === count || next?.query !== query || next.first !== first + words.length) break;
      const part = next.words.splice(0, count - words.length);
      words.push(...part);
      next.first += part.length;
      if (next.words.length === 0) this.asked.shift();
    }
    const given = outcome === Outcome.declined && !query ? Outcome.done : outcome;
    const results = given === Outcome.done ? body(words.map((word) => word + mark)) : Buffer.alloc(0);
    this.#requester.outcome(first, words.length, given, results, 0, results.length);
  }

  #take(requester: Requester, query: boolean, first: number, count: number, bytes: Buffer): boolean {
    this.#requester = requester;
    if (this.refuse) return false;
    const words = wordsOf(bytes);
    expect(words).toHaveLength(count);
    this.asked.push({ query, first, words });
    return true;
  }
}

function body(words: readonly string[]): Buffer {
  return Buffer.concat(
    words.map((word) => {
      const bytes = Buffer.alloc(4 + word.length);
      bytes.writeUInt32LE(word.length);
      bytes.write(word, 4);
      return bytes;
    }),
  );
}

function wordsOf(bytes: Buffer): string[] {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    words.push(bytes.toString('latin1', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return words;
}

function setup(): { puppet: Puppet; pipeline: Pipeline; out: Output } {
  const puppet = new Puppet();
  const out = new Output();
  const owner: PipelineOwner = {
    out,
    choked: false,
    watched: () => undefined,
    progress: () => undefined,
  };
  return { puppet, pipeline: new Pipeline(puppet, owner), out };
}

function written(out: Output): string {
  return out.buffer.toString('latin1', 0, out.length);
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('reads' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('writes' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('own' as const), count: fc.constant(1) }),
  fc.record({ kind: fc.constant('done' as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('declined' as const), count: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('refuse' as const), count: fc.constant(1) }),
  fc.record({ kind: fc.constant('drain' as const), count: fc.constant(1) }),
);

describe('a pipeline', () => {
  it('answers each request once and in order, whatever the service does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { puppet, pipeline, out } = setup();
        let expected = '';
        let number = 0;
        for (const { kind, count } of steps) {
          if (kind === 'reads' || kind === 'writes') {
            const words = Array.from({ length: count }, () => `${kind[0]}${number++};`);
            expected += words.join('');
            const bytes = body(words);
            pipeline.add(count, bytes, bytes.length, kind === 'reads', false, false);
            bytes.fill(0);
          } else if (kind === 'own') {
            pipeline.ownReply().writeText(`o${number};`);
            expected += `o${number++};`;
          } else if (kind === 'refuse') puppet.refuse = true;
          else if (kind === 'drain') puppet.drain();
          else puppet.answer(count, kind === 'done' ? Outcome.done : Outcome.declined, '');
          const kinds = new Set(puppet.asked.map((asked) => asked.query));
          const stale = puppet.asked.some((asked) => asked.query) && kinds.size > 1;
          if (stale) expect(steps.some((one) => one.kind === 'declined')).toBe(true);
          expect(expected.startsWith(written(out))).toBe(true);
        }
        puppet.drain();
        while (puppet.asked.length > 0) puppet.answer(3, Outcome.done, '');
        expect(written(out)).toBe(expected);
        expect(pipeline.idle).toBe(true);
        expect(pipeline.outstanding).toBe(0);
      }),
      seeded(FILE, 400),
    );
  });

  it('asks again for what comes behind a declined query, and drops the older answers', () => {
    const { puppet, pipeline, out } = setup();
    const bytes = body(['a', 'b', 'c']);
    pipeline.add(3, bytes, bytes.length, true, false, false);
    puppet.answer(1, Outcome.done, '-old ');
    puppet.answer(1, Outcome.declined, '');
    puppet.answer(1, Outcome.done, '-old ');
    puppet.answer(2, Outcome.done, '-new ');
    expect(written(out)).toBe('a-old b-new c-new ');
  });

  it('answers for each request of a run that was not executed, or is unknown', () => {
    const { puppet, pipeline, out } = setup();
    const bytes = body(['a', 'b', 'c']);
    pipeline.add(3, bytes, bytes.length, false, false, false);
    puppet.answer(1, Outcome.done, '\r\n');
    puppet.answer(1, Outcome.unknown, '');
    puppet.answer(1, Outcome.notExecuted, '');
    expect(written(out).replace(/:[^\r]*/g, '')).toBe('a\r\n-UNKNOWN outcome\r\n-TRYAGAIN not executed\r\n');
  });

  it('says nothing for a muted run, and keeps the order of the others', () => {
    const { puppet, pipeline, out } = setup();
    const bytes = body(['a', 'b']);
    pipeline.add(2, bytes, bytes.length, false, false, true);
    pipeline.add(2, bytes, bytes.length, false, false, false);
    while (puppet.asked.length > 0) puppet.answer(3, Outcome.done, '');
    expect(written(out)).toBe('ab');
  });
});

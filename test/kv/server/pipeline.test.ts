import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Output } from '../../../lib/kv/resp/output.js';
import { Pipeline, type PipelineOwner } from '../../../lib/kv/server/pipeline.js';
import { Outcome } from '../../../lib/replica/service.js';
import { body, Puppet } from '../puppet-service.js';
import { seeded } from '../random.js';

const FILE = 'test/kv/server/pipeline.test.ts';

function setup(): { puppet: Puppet; pipeline: Pipeline; out: Output } {
  const puppet = new Puppet();
  const out = new Output();
  const owner: PipelineOwner = {
    out,
    choked: false,
    watched: () => undefined,
    progress: () => undefined,
    executed: () => undefined,
    answered: () => undefined,
    replied: () => undefined,
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
            pipeline.add(count, bytes, bytes.length, kind === 'reads', undefined, false);
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
    pipeline.add(3, bytes, bytes.length, true, undefined, false);
    puppet.answer(1, Outcome.done, '-old ');
    puppet.answer(1, Outcome.declined, '');
    puppet.answer(1, Outcome.done, '-old ');
    puppet.answer(2, Outcome.done, '-new ');
    expect(written(out)).toBe('a-old b-new c-new ');
  });

  it('answers for each request of a run that was not executed, or is unknown', () => {
    const { puppet, pipeline, out } = setup();
    const bytes = body(['a', 'b', 'c']);
    pipeline.add(3, bytes, bytes.length, false, undefined, false);
    puppet.answer(1, Outcome.done, '\r\n');
    puppet.answer(1, Outcome.unknown, '');
    puppet.answer(1, Outcome.notExecuted, '');
    expect(written(out).replace(/:[^\r]*/g, '')).toBe('a\r\n-UNKNOWN outcome\r\n-TRYAGAIN not executed\r\n');
  });

  it('says nothing for a muted run, and keeps the order of the others', () => {
    const { puppet, pipeline, out } = setup();
    const bytes = body(['a', 'b']);
    pipeline.add(2, bytes, bytes.length, false, undefined, true);
    pipeline.add(2, bytes, bytes.length, false, undefined, false);
    while (puppet.asked.length > 0) puppet.answer(3, Outcome.done, '');
    expect(written(out)).toBe('ab');
  });
});

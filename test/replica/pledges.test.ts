import { expect, it } from 'vitest';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import { Pledges } from '../../lib/replica/pledges.js';
import { Outcome, type Service } from '../../lib/replica/service.js';

it('resolves with results that stay as they were when the buffer they came in is used again', async () => {
  // As the executor does: every result in one and the same Buffer, one after the other in a turn.
  const buffer = Buffer.alloc(5);
  const service: Service = {
    submit(requester, first, count, bytes) {
      buffer.writeUInt32LE(1);
      buffer[4] = bytes[4]!;
      requester.outcome(first, count, Outcome.done, buffer, 0, 5);
      return true;
    },
    query: () => true,
    abandon() {},
    flush() {},
  };
  const pledges = new Pledges(service, TUNING_DEFAULT);
  const results = await Promise.all(['a', 'b', 'c'].map((text) => pledges.propose(Buffer.from(text))));
  expect(results.map((bytes) => Buffer.from(bytes).toString())).toEqual(['a', 'b', 'c']);
});

/** How old the state is that a read with a bound of staleness is answered from, where answers take long. */
import { Executor } from '../../../lib/replica/executor.js';
import { LocalReads } from '../../../lib/replica/local-reads.js';
import { Queries } from '../../../lib/replica/queries.js';
import { mustBe, type Schedule } from './schedule.js';

const MACHINE = { execute() {}, query: () => true, checkpoint: () => [], restore() {} };
const BOUND = { maxStalenessMs: 100 };

export const staleness: Schedule = {
  name: 'the age of a state counts from when its leader was asked, not from when it answered',
  async run() {
    let nowMs = 1000;
    let asked = 0;
    let answered = 0;
    const executor = new Executor(MACHINE, { through: 0, timeMs: 0 });
    const queries = new Queries(executor);
    const bounds = { requestTimeoutMs: 5000, waitingBytesMax: 1 << 20 };
    const reads = new LocalReads({ executor, queries, nowMs: () => nowMs, ...bounds });
    const turn = (): void => {
      queries.ask((readId) => {
        asked = readId;
        return true;
      }, nowMs);
      queries.serve(0);
      reads.serve(0);
    };
    const read = (): Promise<void> =>
      reads.read(new Uint8Array(1), BOUND).then(() => {
        answered++;
      });
    const first = read();
    turn();
    nowMs += 90;
    queries.ready(asked, 0);
    turn();
    await first;
    mustBe([asked, answered], [1, 1], 'one question was asked, and answered');
    // What was answered elsewhere since the question, 101 ms ago, this state need not hold.
    nowMs += 11;
    const second = read();
    turn();
    await Promise.resolve();
    mustBe([asked, answered], [2, 1], 'the leader is asked again');
    queries.ready(asked, 0);
    turn();
    await second;
  },
};

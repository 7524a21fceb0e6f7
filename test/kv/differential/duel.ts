/** The same requests to two servers, answer by answer, until one answers otherwise. */
import { isSame, isSameExec, show } from './comparison.js';
import type { Step } from './generator.js';
import { type ReplyValue, StatusReply } from './resp-reader.js';
import { type Answer, Side } from './side.js';

export interface Difference {
  readonly step: number;
  readonly sentence: string;
  /** An EXEC that Redis executed and we did not. */
  readonly spoiltExec: boolean;
}

/** Replies to COMMAND DOCS and their like are long. */
const SHOWN_CHARS_MAX = 400;

export class Duel {
  requests = 0;
  readonly #ports: { readonly ours: number; readonly theirs: number };
  #ours: Side;
  #theirs: Side;
  /** What is queued on each connection, as Redis has it. */
  #queued: Map<number, string[][]> = new Map();

  constructor(ports: { readonly ours: number; readonly theirs: number }) {
    this.#ports = ports;
    this.#ours = new Side(ports.ours);
    this.#theirs = new Side(ports.theirs);
  }

  /** Empties both servers and begins with new connections. */
  async renew(): Promise<void> {
    this.close();
    this.#ours = new Side(this.#ports.ours);
    this.#theirs = new Side(this.#ports.theirs);
    this.#queued.clear();
    const flush = [[Buffer.from('FLUSHALL')]];
    await Promise.all([this.#ours.ask(0, flush), this.#theirs.ask(0, flush)]);
  }

  async run(steps: readonly Step[]): Promise<Difference | undefined> {
    for (const [step, { connection, requests }] of steps.entries()) {
      const [ours, theirs] = await Promise.all([
        this.#ours.ask(connection, requests),
        this.#theirs.ask(connection, requests),
      ]);
      this.requests += requests.length;
      const at = this.#differing(connection, requests, ours, theirs);
      if (at < 0) continue;
      const words = requests[at]!.map((word) => cut(JSON.stringify(word.toString('latin1'))));
      const sentence = `${words.join(' ')}\n  ours: ${cut(show(ours[at]!))}\n  Redis: ${cut(show(theirs[at]!))}`;
      const [left, right] = [ours[at]!, theirs[at]!];
      const spoiltExec =
        left !== 'closed' && left.value === null && right !== 'closed' && Array.isArray(right.value);
      return { step, sentence, spoiltExec };
    }
    return undefined;
  }

  close(): void {
    this.#ours.close();
    this.#theirs.close();
  }

  /** The first request that was answered otherwise, or −1. */
  #differing(
    connection: number,
    requests: readonly (readonly Buffer[])[],
    ours: readonly Answer[],
    theirs: readonly Answer[],
  ): number {
    let queued = this.#queued.get(connection);
    for (const [at, request] of requests.entries()) {
      const argv = request.map((word) => word.toString('latin1'));
      const name = argv[0]!.toLowerCase();
      const answer = theirs[at]!;
      const value: ReplyValue | undefined = answer === 'closed' ? undefined : answer.value;
      const status = value instanceof StatusReply ? value.status : '';
      const executed = name === 'exec' && Array.isArray(value);
      const equal =
        executed && queued !== undefined
          ? isSameExec(ours[at]!, answer, queued)
          : status === 'QUEUED'
            ? show(ours[at]!) === show(answer)
            : isSame(ours[at]!, answer, argv);
      if (!equal) return at;
      if (status === 'QUEUED') queued?.push(argv);
      else if (name === 'multi' && status === 'OK') queued = [];
      else if (name === 'exec' && argv.length === 1) queued = undefined;
    }
    if (queued === undefined) this.#queued.delete(connection);
    else this.#queued.set(connection, queued);
    return -1;
  }
}

function cut(text: string): string {
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}… (${text.length})`;
}

/** The fewest steps and requests found that still make the two differ, each try beginning anew. */
export async function shrink(duel: Duel, steps: readonly Step[]): Promise<readonly Step[]> {
  const single = steps.flatMap(({ connection, requests }) =>
    requests.map((request): Step => ({ connection, requests: [request] })),
  );
  await duel.renew();
  const first = await duel.run(single);
  let best = first === undefined ? [...steps] : single.slice(0, first.step + 1);
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = best.length - 1 - size; from > -size; from -= size) {
      const begin = Math.max(0, from);
      const tried = [...best.slice(0, begin), ...best.slice(Math.max(0, from + size))];
      await duel.renew();
      const difference = await duel.run(tried);
      if (difference !== undefined) best = tried.slice(0, difference.step + 1);
    }
  }
  return best;
}

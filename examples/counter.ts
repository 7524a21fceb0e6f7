/**
 * A replicated counter: the smallest useful state machine. `add N` returns the new value; the query returns
 * it.
 */
import type { CommandView, ResultWriter, StateMachine } from '../lib/index.js';

export class Counter implements StateMachine {
  private value = 0;

  execute(command: CommandView, result: ResultWriter): void {
    const amount = /^add (-?\d{1,15})$/.exec(command.text())?.[1];
    // A command that makes no sense is answered, not thrown: a throw would stop every replica.
    if (amount === undefined) return result.writeText('error: say add N');
    this.value += Number(amount);
    result.writeText(String(this.value));
  }

  query(_query: CommandView, result: ResultWriter): boolean {
    result.writeText(String(this.value));
    return true;
  }

  *checkpoint(): Iterable<Uint8Array> {
    yield new TextEncoder().encode(String(this.value));
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.value = Number(Buffer.concat([...chunks]).toString() || '0');
  }

  digest(): string {
    return String(this.value);
  }
}

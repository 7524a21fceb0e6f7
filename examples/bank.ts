/**
 * A replicated bank: accounts, and transfers that either happen whole or say why not. Commands and queries
 * are JSON; refusals are results, so that every replica refuses alike.
 */
import type { CommandView, ResultWriter, StateMachine } from '../lib/index.js';

type Request =
  | { readonly open: string; readonly amount: number }
  | { readonly from: string; readonly to: string; readonly amount: number };

export class Bank implements StateMachine {
  private accounts = new Map<string, number>();

  execute(command: CommandView, result: ResultWriter): void {
    const refusal = this.attempt(command.text());
    result.writeText(JSON.stringify(refusal === undefined ? { ok: true } : { ok: false, refusal }));
  }

  /** The balance of the account that is named; the sum of all for an empty name. */
  query(query: CommandView, result: ResultWriter): boolean {
    const name = query.text();
    const balance = name === '' ? this.total() : (this.accounts.get(name) ?? null);
    result.writeText(JSON.stringify(balance));
    return true;
  }

  /** One chunk, complete when this returns: what is executed later cannot reach it. */
  checkpoint(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify([...this.accounts]))];
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.accounts = new Map(JSON.parse(Buffer.concat([...chunks]).toString()) as [string, number][]);
  }

  digest(): string {
    const entries = [...this.accounts].sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify(entries);
  }

  private attempt(text: string): string | undefined {
    let request: Request;
    try {
      request = JSON.parse(text) as Request;
    } catch {
      return 'not JSON';
    }
    const { amount } = request;
    if (!Number.isSafeInteger(amount) || amount < 0) return 'an amount is a whole number of cents';
    return 'open' in request ? this.open(request.open, amount) : this.move(request.from, request.to, amount);
  }

  private open(name: string, amount: number): string | undefined {
    if (this.accounts.has(name)) return 'the account exists';
    this.accounts.set(name, amount);
    return undefined;
  }

  private move(from: string, to: string, amount: number): string | undefined {
    const [source, target] = [this.accounts.get(from), this.accounts.get(to)];
    if (source === undefined || target === undefined) return 'no such account';
    if (source < amount) return 'not enough money';
    if (from === to) return undefined;
    this.accounts.set(from, source - amount);
    this.accounts.set(to, target + amount);
    return undefined;
  }

  private total(): number {
    let sum = 0;
    for (const balance of this.accounts.values()) sum += balance;
    return sum;
  }
}

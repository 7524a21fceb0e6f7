/**
 * A replicated lock service, and a resource that its locks protect. Who holds a lock may be paused until the
 * lock has passed to another; so each holder has a token, higher than that of all before, and the resource
 * refuses whoever shows a lower one than it has seen. Commands are JSON; refusals are results.
 */
import type { CommandView, ResultWriter, StateMachine } from '../lib/index.js';

/** Compared from left to right. */
export type Token = readonly [ballot: number, slot: number, ordinal: number];

type Request =
  | { readonly acquire: string; readonly holder: string; readonly forMs: number }
  | { readonly release: string; readonly holder: string };

interface Lock {
  readonly holder: string;
  /** Replicated time; whoever asks from then on may have it. */
  readonly untilMs: number;
  readonly token: Token;
}

export class LockService implements StateMachine {
  private locks = new Map<string, Lock>();

  execute(command: CommandView, result: ResultWriter): void {
    result.writeText(JSON.stringify(this.answer(command)));
  }

  /** Who holds the lock that is named; null: nobody does. */
  query(query: CommandView, result: ResultWriter, nowMs: number): boolean {
    const lock = this.locks.get(query.text());
    result.writeText(JSON.stringify(lock === undefined || lock.untilMs <= nowMs ? null : lock.holder));
    return true;
  }

  checkpoint(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify([...this.locks]))];
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.locks = new Map(JSON.parse(Buffer.concat([...chunks]).toString()) as [string, Lock][]);
  }

  digest(): string {
    return JSON.stringify([...this.locks]);
  }

  private answer(command: CommandView): object {
    const request = parse(command.text());
    if (request === undefined) return { refused: 'say {acquire, holder, forMs} or {release, holder}' };
    const { holder } = request;
    const name = 'acquire' in request ? request.acquire : request.release;
    const lock = this.locks.get(name);
    const isHeld = lock !== undefined && lock.untilMs > command.timeMs;
    if ('release' in request) {
      if (lock?.holder === holder) this.locks.delete(name);
      return { released: isHeld && lock.holder === holder };
    }
    if (isHeld && lock.holder !== holder) return { heldBy: lock.holder };
    // Who holds it already, and asks for more time, gets a new token too: it is the higher one.
    const token: Token = [command.ballot, command.slot, command.ordinal];
    this.locks.set(name, { holder, untilMs: command.timeMs + request.forMs, token });
    return { token };
  }
}

/** What a lock protects: a log that is not in the cluster. It keeps the highest token that it has seen. */
export class ProtectedLog {
  readonly entries: string[] = [];
  private highest: Token = [0, 0, 0];

  /** @returns whether it was written: not for a token lower than one that was shown before */
  write(token: Token, entry: string): boolean {
    if (compare(token, this.highest) < 0) return false;
    this.highest = token;
    this.entries.push(entry);
    return true;
  }
}

function compare(one: Token, other: Token): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

function parse(text: string): Request | undefined {
  let request: Partial<Record<'acquire' | 'release' | 'holder' | 'forMs', unknown>> | null;
  try {
    request = JSON.parse(text) as typeof request;
  } catch {
    return undefined;
  }
  if (typeof request?.holder !== 'string') return undefined;
  const isAcquire = typeof request.acquire === 'string' && Number.isSafeInteger(request.forMs);
  return isAcquire || typeof request.release === 'string' ? (request as Request) : undefined;
}

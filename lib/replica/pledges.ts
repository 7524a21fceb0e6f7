/**
 * The Promise form of the service: one object and one Promise per request, for programs that ask now and
 * then.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { copied } from './copied.js';
import { Outcome, type Requester, type Service } from './service.js';

interface Pledge {
  readonly body: Uint8Array;
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

export class Pledges {
  private readonly commands: Line;
  private readonly queries: Line;

  constructor(service: Service) {
    this.commands = new Line((line, number, body) => {
      const taken = service.submit(line, number, 1, body, 0, body.length);
      service.flush();
      return taken;
    });
    this.queries = new Line((line, number, body) => {
      const taken = service.query(line, number, 1, body, 0, body.length);
      service.flush();
      return taken;
    });
  }

  propose(command: Uint8Array): Promise<Uint8Array> {
    return this.commands.add(command);
  }

  read(query: Uint8Array): Promise<Uint8Array> {
    return this.queries.add(query);
  }
}

/** Requests of one kind, in order: those under way by number, those that met back-pressure behind them. */
class Line implements Requester {
  private readonly place: (line: Line, number: number, body: Uint8Array) => boolean;
  private readonly underWay = new Map<number, Pledge>();
  private waiting: Pledge[] = [];
  private lastNumber = 0;

  constructor(place: (line: Line, number: number, body: Uint8Array) => boolean) {
    this.place = place;
  }

  add(bytes: Uint8Array): Promise<Uint8Array> {
    const body = Buffer.allocUnsafe(COMMAND_HEADER_BYTES + bytes.length);
    body.writeUInt32LE(bytes.length, 0);
    body.set(bytes, COMMAND_HEADER_BYTES);
    return new Promise((resolve, reject) => {
      const pledge = { body, resolve, reject };
      if (this.waiting.length > 0 || !this.tryPlace(pledge)) this.waiting.push(pledge);
    });
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    let at = start;
    for (let number = first; number < first + count; number++) {
      const pledge = this.underWay.get(number);
      this.underWay.delete(number);
      if (outcome !== Outcome.done) {
        pledge?.reject(outcomeError(outcome));
        continue;
      }
      const from = at + COMMAND_HEADER_BYTES;
      at = from + commandLength(results, at, end);
      pledge?.resolve(copied(results, from, at));
    }
  }

  drain(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const pledge of waiting) {
      if (this.waiting.length > 0 || !this.tryPlace(pledge)) this.waiting.push(pledge);
    }
  }

  /** False under back-pressure. An argument that can never be placed, or a stopped replica, settles it. */
  private tryPlace(pledge: Pledge): boolean {
    const number = ++this.lastNumber;
    this.underWay.set(number, pledge);
    try {
      if (this.place(this, number, pledge.body)) return true;
    } catch (error) {
      this.underWay.delete(number);
      pledge.reject(error as Error);
      return true;
    }
    this.underWay.delete(number);
    return false;
  }
}

function outcomeError(outcome: Outcome): IndelibleError {
  if (outcome === Outcome.unknown) {
    const sentence = 'whether the command was executed, or yet will be, is not known';
    return new IndelibleError(ErrorCode.unknown, sentence);
  }
  if (outcome === Outcome.declined) {
    const sentence = 'the state machine declined to answer outside the log; propose it as a command';
    return new IndelibleError(ErrorCode.notExecuted, sentence);
  }
  const sentence =
    'not executed, and never will be: no leader took it in time, or another batch took its slot';
  return new IndelibleError(ErrorCode.notExecuted, sentence);
}

/** What one port counts, for INFO: since it was opened, or since CONFIG RESETSTAT. */
import { COMMANDS, type CommandSpec } from '../commands/table.js';

/** More codes than this are not told apart: clients could otherwise make any number. */
const ERROR_CODES_MAX = 128;
const CODE_BYTES_MAX = 32;
const SPACE = 0x20;
const CR = 0x0d;

export class Counters {
  connections = 0;
  rejected = 0;
  commands = 0;
  inputBytes = 0;
  outputBytes = 0;
  reads = 0;
  writes = 0;
  errors = 0;
  /** Requests by command: those queued in transactions too; those refused before are beside. */
  readonly calls: Float64Array = new Float64Array(COMMANDS.length);
  readonly refusals: Float64Array = new Float64Array(COMMANDS.length);
  readonly errorCodes: Map<string, number> = new Map();

  called(spec: CommandSpec): void {
    this.calls[spec.index]!++;
  }

  refused(spec: CommandSpec): void {
    this.refusals[spec.index]!++;
  }

  /** Counts a reply if it is an error: bytes[start] is its first byte. */
  replied(bytes: Uint8Array, start: number): void {
    if (bytes[start] !== 0x2d) return;
    this.errors++;
    let at = start + 1;
    let code = '';
    for (; bytes[at] !== SPACE && bytes[at] !== CR && at - start <= CODE_BYTES_MAX; at++) {
      code += String.fromCharCode(bytes[at]!);
    }
    const count = this.errorCodes.get(code);
    if (count !== undefined) this.errorCodes.set(code, count + 1);
    else if (this.errorCodes.size < ERROR_CODES_MAX) this.errorCodes.set(code, 1);
  }

  reset(): void {
    this.connections = 0;
    this.rejected = 0;
    this.commands = 0;
    this.inputBytes = 0;
    this.outputBytes = 0;
    this.reads = 0;
    this.writes = 0;
    this.errors = 0;
    this.calls.fill(0);
    this.refusals.fill(0);
    this.errorCodes.clear();
  }
}

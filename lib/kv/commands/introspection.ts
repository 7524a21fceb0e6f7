/** Commands about how a value is kept: OBJECT and MEMORY. Their subcommands are checked before. */
import { ENTRY_OVERHEAD_BYTES } from '../limits.js';
import { parseInteger } from '../resp/integer.js';
import { type Context, ERRORS } from './context.js';

/** Longest value that Redis keeps in one piece with its head, in bytes. */
const EMBEDDED_BYTES_MAX = 44;

const OBJECT_HELP: readonly string[] = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
  'HELP',
  '    Print this help.',
];

const MEMORY_HELP: readonly string[] = [
  'MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value.',
  'HELP',
  '    Print this help.',
];

function help(context: Context, lines: readonly string[]): void {
  if (!context.fits(lines.reduce((sum, line) => sum + line.length + 3, 16))) return;
  context.reply.array(lines.length);
  for (const line of lines) context.reply.status(line);
}

/** What Redis would call the representation of such a value, newly set. */
function encodingOf(context: Context, address: number): string {
  const { store } = context;
  const start = store.valueStart(address);
  const length = store.valueLength(address);
  if (parseInteger(store.segment(address).u8, start, start + length) !== undefined) return 'int';
  return length <= EMBEDDED_BYTES_MAX ? 'embstr' : 'raw';
}

export function object(context: Context): void {
  if (context.is(0, 'help')) {
    help(context, OBJECT_HELP);
    return;
  }
  const address = context.find(1);
  if (address === 0) context.reply.null();
  else if (context.is(0, 'encoding')) context.reply.bulkText(encodingOf(context, address));
  else if (context.is(0, 'refcount')) context.reply.integer(1);
  else if (context.is(0, 'freq')) {
    context.reply.error(
      'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when ' +
        'switching between policies at runtime LRU and LFU data will take some time to adjust.',
    );
  } else context.reply.error('ERR idle time is not tracked: nothing is written for a read');
}

export function memory(context: Context): void {
  if (context.is(0, 'help')) {
    help(context, MEMORY_HELP);
    return;
  }
  const { argc } = context.reader;
  for (let i = 2; i < argc; i += 2) {
    if (!context.is(i, 'samples') || i + 1 >= argc) {
      context.reply.error(ERRORS.syntax);
      return;
    }
    const samples = context.integer(i + 1);
    if (samples === undefined) return;
    if (samples < 0) {
      context.reply.error(ERRORS.syntax);
      return;
    }
  }
  const { store } = context;
  const address = context.find(1);
  if (address === 0) context.reply.null();
  else context.reply.integer(store.keyLength(address) + store.valueLength(address) + ENTRY_OVERHEAD_BYTES);
}

/** The options of SET and GETEX. As in Redis one may be given twice, and then the last one counts. */
import type { Context } from './context.js';

export const NX = 1;
export const XX = 2;
export const GET = 4;
export const KEEPTTL = 8;
export const PERSIST = 16;
export const EX = 32;
export const PX = 64;
export const EXAT = 128;
export const PXAT = 256;
/** Any time. */
export const EXPIRY: number = EX | PX | EXAT | PXAT;

/** What the options say. One object, used again. */
export const options = { flags: 0, argument: 0 };

/** The unit that argument `index` names, or 0. */
function unitOf(context: Context, index: number): number {
  if (context.is(index, 'ex')) return EX;
  if (context.is(index, 'px')) return PX;
  if (context.is(index, 'exat')) return EXAT;
  return context.is(index, 'pxat') ? PXAT : 0;
}

/** An option of SET without an argument, or 0. */
function setFlagOf(context: Context, index: number, flags: number): number {
  if (context.is(index, 'nx')) return (flags & XX) === 0 ? NX : 0;
  if (context.is(index, 'xx')) return (flags & NX) === 0 ? XX : 0;
  if (context.is(index, 'get')) return GET;
  return context.is(index, 'keepttl') && (flags & EXPIRY) === 0 ? KEEPTTL : 0;
}

/** Reads the arguments from `from` on into {@link options}. False: a syntax error. */
function readOptions(
  context: Context,
  from: number,
  flagOf: (context: Context, index: number, flags: number) => number,
): boolean {
  options.flags = 0;
  const argc = context.reader.argc;
  for (let i = from; i < argc; i++) {
    const flags = options.flags;
    const flag = flagOf(context, i, flags);
    if (flag !== 0) {
      options.flags |= flag;
      continue;
    }
    const unit = unitOf(context, i);
    const others = (KEEPTTL | PERSIST | EXPIRY) & ~unit;
    if (unit === 0 || i + 1 >= argc || (flags & others) !== 0) return false;
    options.flags |= unit;
    options.argument = ++i;
  }
  return true;
}

export function readSetOptions(context: Context): boolean {
  return readOptions(context, 2, setFlagOf);
}

export function readGetexOptions(context: Context): boolean {
  return readOptions(context, 1, (_context, index, flags) =>
    context.is(index, 'persist') && (flags & EXPIRY) === 0 ? PERSIST : 0,
  );
}

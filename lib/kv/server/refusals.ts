/** Redis's texts for requests that name no command, and for those with a wrong number of arguments. */
import { arityOf, hasArity, subcommandsOf } from '../commands/subcommands.js';
import type { CommandSpec } from '../commands/table.js';
import { SHOWN_BYTES_MAX, shown } from '../resp/shown.js';

/** The arguments of a request, its name first: bytes[starts[i], ends[i]). */
export interface Arguments {
  readonly bytes: Uint8Array;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
  readonly argc: number;
}

export function unknownCommand({ bytes, starts, ends, argc }: Arguments): string {
  let args = '';
  for (let i = 1; i < argc && args.length < SHOWN_BYTES_MAX; i++) {
    args += `'${shown(bytes, starts[i], ends[i], SHOWN_BYTES_MAX - args.length)}' `;
  }
  return `ERR unknown command '${shown(bytes, starts[0], ends[0])}', with args beginning with: ${args}`;
}

export function wrongArguments(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

/** What a request for `spec` is told if its number of arguments, or its subcommand, is wrong. */
export function misfit(spec: CommandSpec, { bytes, starts, ends, argc }: Arguments): string | undefined {
  const subcommands = argc > 1 ? subcommandsOf(spec.name) : undefined;
  if (subcommands === undefined) return hasArity(spec.arity, argc) ? undefined : wrongArguments(spec.name);
  const name = shown(bytes, starts[1], ends[1]);
  const arity = arityOf(subcommands, name.toLowerCase());
  if (arity === undefined) return `ERR unknown subcommand '${name}'. Try ${spec.name.toUpperCase()} HELP.`;
  return hasArity(arity, argc) ? undefined : wrongArguments(`${spec.name}|${name.toLowerCase()}`);
}

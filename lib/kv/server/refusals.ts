/** Redis's texts for requests that name no command. */

function quoted(argument: Buffer, room: number): string {
  return `'${argument.toString('utf8', 0, Math.min(argument.length, room))}' `;
}

/** `argv` is the whole request. */
export function unknownCommand(argv: readonly Buffer[]): string {
  let args = '';
  for (let i = 1; i < argv.length && args.length < 128; i++) args += quoted(argv[i]!, 128 - args.length);
  const name = argv[0]!.toString('utf8', 0, Math.min(argv[0]!.length, 128));
  return `ERR unknown command '${name}', with args beginning with: ${args}`;
}

export function unknownSubcommand(argv: readonly Buffer[]): string {
  const name = argv[1]!.toString('utf8', 0, Math.min(argv[1]!.length, 128));
  return `ERR unknown subcommand '${name}'. Try ${argv[0]!.toString().toUpperCase()} HELP.`;
}

export function wrongArguments(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

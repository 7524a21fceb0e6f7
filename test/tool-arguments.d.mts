/** The types of tool-arguments.mjs. */

export interface ToolOption {
  readonly type: 'string' | 'number' | 'boolean';
  readonly default?: string | number;
  /** How help calls what it takes: N by default. */
  readonly value?: string;
  readonly help: string;
}

export interface Tool<O extends Readonly<Record<string, ToolOption>> = Readonly<Record<string, ToolOption>>> {
  /** As a person types it: `npm run NAME --`. */
  readonly command: string;
  readonly about: string;
  /** Words without a flag, in order; the last of them may be repeated. */
  readonly takes?: readonly { readonly name: string; readonly help: string; readonly repeats?: boolean }[];
  readonly options?: O;
}

type Given<T extends ToolOption> = T['type'] extends 'boolean'
  ? boolean
  : T['type'] extends 'number'
    ? T extends { readonly default: number }
      ? number
      : number | undefined
    : T extends { readonly default: string }
      ? string
      : string | undefined;

/** The command line of this process. Ends it with the help it asks for, or for what the tool does not know. */
export function toolArguments<const O extends Readonly<Record<string, ToolOption>>>(
  tool: Tool<O>,
): { readonly values: { readonly [K in keyof O]: Given<O[K]> }; readonly positionals: readonly string[] };

export function setUp(purpose: string): void;

export function numberOf(command: string, what: string, text: string): number;

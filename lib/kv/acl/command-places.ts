/**
 * What rules of permission are about: each command, each subcommand as `client|list`, and the categories of
 * Redis 7.0. Each has a place among the bits that say what a user may do; a command's own bit stands for its
 * name without a subcommand.
 */
import { subcommandsOf } from '../commands/subcommands.js';
import { COMMANDS, type CommandSpec } from '../commands/table.js';
import { traitsOf } from '../commands/traits.js';

/** As ACL CAT has them; some have no command here. */
export const CATEGORIES: readonly string[] =
  `keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin fast slow
   blocking dangerous connection transaction scripting`.split(/\s+/);

/** Names of commands and subcommands, by place. Those of commands are first, as in their table. */
export const NAMES: readonly string[] = [
  ...COMMANDS.map(({ name }) => name),
  ...COMMANDS.flatMap(({ name }) => Object.keys(subcommandsOf(name) ?? {}).map((each) => `${name}|${each}`)),
];

const PLACES: ReadonlyMap<string, number> = new Map(NAMES.map((name, place) => [name, place]));

/** Of `get` or `client|list`, in lower case; undefined if there is none of that name. */
export function placeNamed(name: string): number | undefined {
  return PLACES.get(name);
}

/** The place of a request for `spec` whose full name is `name`. */
export function placeOf(spec: CommandSpec, name: string): number {
  return name.length === spec.name.length ? spec.index : (PLACES.get(name) ?? spec.index);
}

/** The places of a command and of all its subcommands, or of one subcommand. */
export function placesBelow(name: string): readonly number[] {
  const own = PLACES.get(name);
  if (own === undefined) return [];
  const below = Object.keys(subcommandsOf(name) ?? {}).map((each) => PLACES.get(`${name}|${each}`)!);
  return [own, ...below];
}

const BY_CATEGORY: ReadonlyMap<string, readonly number[]> = new Map(
  CATEGORIES.map((category) => [
    category,
    NAMES.flatMap((name, place) => (traitsOf(name)[1].split(' ').includes(category) ? [place] : [])),
  ]),
);

/** The places of a category's commands and subcommands; undefined for what is no category. */
export function placesIn(category: string): readonly number[] | undefined {
  return BY_CATEGORY.get(category);
}

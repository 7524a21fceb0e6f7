/**
 * The command lines of the project's own tools: `npm run NAME -- …`. Each has --help, and refuses what it
 * does not know with exit code 2. Plain JavaScript: tools that run before anything is built use it too.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SETUP = fileURLToPath(new URL('../setup.mjs', import.meta.url));

/** @param {import('./tool-arguments.d.mts').Tool} tool */
export function toolArguments({ command, about, takes = [], options = {} }) {
  const types = Object.entries(options).map(([name, { type }]) => [
    name,
    { type: type === 'boolean' ? 'boolean' : 'string' },
  ]);
  const known = { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } };
  try {
    const { values, positionals } = parseArgs({ options: known, allowPositionals: true });
    if (values.help) {
      console.log(helpOf(command, about, takes, options));
      process.exit(0);
    }
    const last = takes.at(-1);
    if (positionals.length > takes.length && last?.repeats !== true)
      throw new Error(`there is no place for '${positionals[takes.length]}'`);
    const pairs = Object.entries(options).map(([name, option]) => [name, given(name, option, values[name])]);
    return { values: Object.fromEntries(pairs), positionals };
  } catch (error) {
    console.error(`error: ${error.message}\n  ${command} --help shows what it takes`);
    process.exit(2);
  }
}

/** Has the machine set up for a tool; ends the program where that cannot be. */
export function setUp(purpose) {
  const { status } = spawnSync(process.execPath, [SETUP, `--for=${purpose}`], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** A number among the words of a command line; ends the program where it is none. */
export function numberOf(command, what, text) {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  console.error(`error: ${what} is a number, not '${text}'\n  ${command} --help shows what it takes`);
  process.exit(2);
}

function given(name, { type, default: otherwise }, text) {
  if (text === undefined) return type === 'boolean' ? false : otherwise;
  if (type !== 'number') return text;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${name} takes a number, not '${text}'`);
}

function helpOf(command, about, takes, options) {
  const words = takes.map(({ name, repeats }) => `[${name}${repeats === true ? ' …' : ''}]`);
  const flags = Object.entries(options).map(([name, { type, value = 'N', help, default: otherwise }]) => [
    type === 'boolean' ? `--${name}` : `--${name} ${value}`,
    otherwise === undefined ? help : `${help} (${otherwise})`,
  ]);
  const rows = [...takes.map(({ name, help }) => [name, help]), ...flags, ['--help', 'shows this']];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`);
  return [`${about}\n`, `  ${[command, ...words].join(' ')} [options]\n`, ...lines].join('\n');
}

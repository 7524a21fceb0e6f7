/**
 * Several C++ files to one compilation, for clang-tidy: most of its time goes into headers, which are then read once
 * a unit. The analyser treats an included file as code, not as a header, only when the name of the including file
 * has "UnifiedSource" in it (clang's AnalysisManager::isInCodeFile).
 *
 *   node .ci/unified-sources.mjs BUILD_DIRECTORY TARGET_DIRECTORY
 *
 * Reads the compile_commands.json of a build by CMake; writes the units, and a compile_commands.json of them. Prints
 * the path of each unit on a line. Files of different targets are never in one unit.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const FILES_A_UNIT = 7;
const [from, to] = process.argv.slice(2);
const commands = JSON.parse(readFileSync(join(from, 'compile_commands.json'), 'utf8'));
const targets = new Map();
for (const entry of commands) {
  const [, target] = / -o (\S+\.dir)\//.exec(entry.command);
  targets.set(target, [...(targets.get(target) ?? []), entry]);
}
const units = [];

mkdirSync(to, { recursive: true });
for (const [target, entries] of targets) {
  for (let first = 0; first < entries.length; first += FILES_A_UNIT) {
    const file = resolve(to, `UnifiedSource-${target.replace(/\W+/g, '-')}-${units.length}.cc`);
    const [{ directory, command }] = entries;
    const parts = entries.slice(first, first + FILES_A_UNIT);
    writeFileSync(file, parts.map((entry) => `#include "${entry.file}"\n`).join(''));
    units.push({ directory, file, command: command.replace(/ -o .*/, ` -c ${file}`) });
  }
}
writeFileSync(join(to, 'compile_commands.json'), JSON.stringify(units, null, 2));
console.log(units.map(({ file }) => file).join('\n'));

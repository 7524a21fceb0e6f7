#!/usr/bin/env node
/** Where the program `indelible` starts. */
import { ExitCode } from './exit-code.js';
import { STANDARD_OUTPUT, whatWasLost } from './output.js';
import { run } from './program.js';

const code = await run(process.argv.slice(2), STANDARD_OUTPUT);
const lost = whatWasLost();
if (lost !== undefined) STANDARD_OUTPUT.problem(`error: standard output is not whole: ${lost}`);
process.exitCode = lost === undefined || code !== ExitCode.ok ? code : ExitCode.failed;

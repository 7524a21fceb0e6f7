#!/usr/bin/env node
/** Where the program `indelible` starts. */
import { STANDARD_OUTPUT } from './output.js';
import { run } from './program.js';

process.exitCode = await run(process.argv.slice(2), STANDARD_OUTPUT);

/** What Stryker loads: the runner of the tests, what is no mutant of ours, and who is told of each result. */
import { channel } from 'node:diagnostics_channel';
import type { MutantResult } from '@stryker-mutator/api/core';
import { declareClassPlugin, declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { InProcessRunner } from './in-process-runner.js';
import { sentences } from './sentences.js';

/** Stryker loads this file by itself: a channel is one, however often a module is loaded. */
export const TRIED = 'indelible.mutation.tried';

const tried = channel(TRIED);

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner),
  declareValuePlugin(PluginKind.Ignore, 'sentences', sentences),
  declareValuePlugin(PluginKind.Reporter, 'told', {
    onMutantTested: (result: MutantResult) => tried.publish(result),
  }),
];

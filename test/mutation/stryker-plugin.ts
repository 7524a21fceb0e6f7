/**
 * What Stryker loads: the runner of the tests, and what is no mutant of ours.
 */
import { declareClassPlugin, declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { InProcessRunner } from './in-process-runner.js';
import { sentences } from './sentences.js';

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner),
  declareValuePlugin(PluginKind.Ignore, 'sentences', sentences),
];

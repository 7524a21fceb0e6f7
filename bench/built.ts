/**
 * The library as it ships: what is measured is the compiled code of dist/, typed as its source in lib/.
 *
 *     const { Replica } = (await built('index.js')) as typeof import('../lib/index.js');
 */
import { existsSync } from 'node:fs';

const DIST = new URL('../dist/', import.meta.url);

/** @param file relative to dist/. */
export async function built(file: string): Promise<unknown> {
  const url = new URL(file, DIST);
  if (!existsSync(url)) throw new Error(`dist/${file} is not there: run \`npm run build:ts\``);
  return import(url.href);
}

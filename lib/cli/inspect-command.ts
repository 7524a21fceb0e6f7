/** `indelible inspect`: what a store holds, read-only, damaged or not. */
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { ErrorCode, IndelibleError } from '../errors.js';
import { inspectPmem } from '../storage/pmem.js';
import { ExitCode } from './exit-code.js';
import { describeFileStore, fileStoreLines } from './file-store-report.js';
import { helpWith } from './help.js';
import { skipOf } from './inspected-skips.js';
import { integerOption } from './option-parsers.js';
import type { Output } from './output.js';
import { isRegion, type RegionDescription, regionLines, regionVotes } from './region-report.js';

interface InspectFlags {
  readonly records: number;
  readonly json?: boolean;
}

const HELP = `
Reads headers, roots and every record it can find, says which of them are damaged and what recovery would
find, and writes nothing. A store in use changes meanwhile: it may be shown a moment old, or as damaged when
it is not.

  indelible inspect data/replica-1                     a replica's directory
  indelible inspect data/replica-1/region              a region itself, or a copy of one
  indelible inspect --json data/replica-1 > region.json

A ballot is written round.replica; a record is good when all of its CRCs hold and it is committed.

Exit codes: 0 recovery would find it intact · 1 damaged, or it cannot be read · 2 wrong command line · 3 there
is no store.`;

export function inspectCommand(output: Output): Command {
  const command = new Command('inspect')
    .description('show the headers, roots and records of a store')
    .argument('<path>', "a replica's directory, a region, or a file store's log/")
    .option('--records <number>', 'how many of the newest records to show', integerOption(0, 1e9), 20)
    .option('--json', 'print everything as JSON')
    .action((target: string, flags: InspectFlags) => inspect(target, flags, output));
  return helpWith(command, HELP);
}

async function inspect(target: string, { records, json }: InspectFlags, output: Output): Promise<void> {
  const { kind, place } = locate(target);
  if (kind === 'region') {
    const region = inspectPmem(place) as RegionDescription;
    if (!isRegion(region)) {
      throw new IndelibleError(ErrorCode.storeForeign, `${place} is no region: ${region.verdict}`, {
        path: place,
      });
    }
    const shown = withSkips(region, place);
    print(shown, regionLines(shown, records));
    report(region.outcome ?? 'lost');
  } else {
    const store = await describeFileStore(place);
    print(store, fileStoreLines(store, records));
    report(store.recovered.outcome);
  }

  function print(description: object, lines: readonly string[]): void {
    if (json === true) output.line(JSON.stringify(description));
    else for (const line of lines) output.line(line);
  }
}

function report(outcome: 'intact' | 'damaged' | 'lost'): void {
  if (outcome !== 'intact') process.exitCode = ExitCode.failed;
}

/** With the commands that the region's votes pass over; of a device, which is no file to read, with none. */
function withSkips(region: RegionDescription, file: string): RegionDescription {
  const descriptor = fs.openSync(file, 'r');
  const read = (into: Uint8Array, at: number): boolean => {
    try {
      return fs.readSync(descriptor, into, 0, into.length, at) === into.length;
    } catch {
      return false;
    }
  };
  try {
    return { ...region, skips: regionVotes(region).flatMap((vote) => skipOf(vote, read) ?? []) };
  } finally {
    fs.closeSync(descriptor);
  }
}

interface Located {
  readonly kind: 'region' | 'files';
  readonly place: string;
}

function locate(target: string): Located {
  const stat = fs.statSync(target, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new IndelibleError(ErrorCode.storeMissing, `there is nothing at ${target}`, { path: target });
  }
  if (!stat.isDirectory()) return { kind: 'region', place: target };
  const has = (name: string): boolean => fs.existsSync(path.join(target, name));
  if (has('region')) return { kind: 'region', place: path.join(target, 'region') };
  if (has('log')) return { kind: 'files', place: path.join(target, 'log') };
  if (has('identity') || has('root')) return { kind: 'files', place: target };
  throw new IndelibleError(ErrorCode.storeMissing, `${target} holds neither a region nor a file store`, {
    path: target,
  });
}

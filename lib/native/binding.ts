/**
 * Finds and loads the C++ addon, once, at first need: importing the library works without it.
 *
 * Looked for relative to the package root, which is two directories up both from lib/ and from dist/:
 * build/Release/indelible.node (built in a checkout), then prebuilds/linux-<processor>-glibc/indelible.node
 * (in the published package). The dynamic linker of musl refuses the latter; the error then says so.
 * INDELIBLE_ADDON names another file instead; the mutation rig uses it.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { NativeAddon } from './log.js';

/** What the addons of the published package are linked against; test/packaging checks it. */
const GLIBC_MIN = '2.34';

let loaded: NativeAddon | undefined;

/** @throws ERR_INDELIBLE_NATIVE_MISSING, with a sentence that says how to get it. */
export function nativeAddon(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  const path = candidates().find((candidate) => existsSync(candidate));
  if (path === undefined) throw new IndelibleError(ErrorCode.nativeMissing, missingSentence());
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const need = isGlibc() && !why.includes('GLIBC_') ? '' : `; it needs glibc ${GLIBC_MIN} or later`;
    throw new IndelibleError(ErrorCode.nativeMissing, `the C++ addon cannot be loaded: ${why}${need}`, {
      cause,
      path,
    });
  }
}

function candidates(): string[] {
  const named = process.env['INDELIBLE_ADDON'];
  if (named !== undefined && named !== '') return [named];
  const prebuilt = `prebuilds/${process.platform}-${process.arch}-glibc/indelible.node`;
  return [inPackage('build/Release/indelible.node'), inPackage(prebuilt)];
}

function inPackage(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

/** Asked only where something is missing: the report takes its time. */
function isGlibc(): boolean {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

function missingSentence(): string {
  const libc = process.platform !== 'linux' ? '' : isGlibc() ? ' with glibc' : ' with musl';
  const here = `${process.platform}-${process.arch}${libc}`;
  if (existsSync(inPackage('setup.mjs'))) {
    return `the C++ addon is not built for ${here}: \`npm run setup\` builds it; the file backend needs none`;
  }
  return (
    `the package brings no C++ addon for ${here}, only for Linux with glibc on x64 and arm64; ` +
    'the file backend needs no addon'
  );
}

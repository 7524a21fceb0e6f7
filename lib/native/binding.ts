/**
 * Finds and loads the C++ addon, once, at first need: importing the library works without it.
 *
 * Looked for relative to the package root, which is two directories up both from lib/ and from dist/:
 * build/Release/indelible.node (built here), then prebuilds/<platform>-<arch>/indelible.node (shipped).
 * INDELIBLE_ADDON names another file instead; the mutation rig uses it.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { NativeAddon } from './log.js';

let loaded: NativeAddon | undefined;

/** @throws ERR_INDELIBLE_NATIVE_MISSING, with a sentence that says how to get it. */
export function nativeAddon(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  const path = candidates().find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new IndelibleError(
      ErrorCode.nativeMissing,
      `the C++ addon is not built for ${process.platform}-${process.arch}: ` +
        'run `npm run configure:native && npm run build:native`, or use the file backend, which needs no addon',
    );
  }
  try {
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IndelibleError(ErrorCode.nativeMissing, `the C++ addon cannot be loaded: ${why}`, {
      cause,
      path,
    });
  }
}

function candidates(): string[] {
  const named = process.env['INDELIBLE_ADDON'];
  if (named !== undefined && named !== '') return [named];
  const root = new URL('../../', import.meta.url);
  return [`build/Release/indelible.node`, `prebuilds/${process.platform}-${process.arch}/indelible.node`].map(
    (relative) => fileURLToPath(new URL(relative, root)),
  );
}

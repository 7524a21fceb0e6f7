/**
 * Certificates for TLS, in files that are named by settings: read when a replica starts, and again when it is
 * told that they have changed.
 */
import fs from 'node:fs';
import { argumentError } from '../errors.js';
import { readFileIfThere } from './durable-file.js';

/** Names of files in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What the files hold. `Names` without a `ca` read nothing for it. */
export type TlsTexts<Names> = { readonly [Name in keyof Names]: string };

/** What others than the owner of a private key and its group may do. */
const OTHERS = 0o007;

/**
 * What is in files of certificates.
 * @throws RangeError for one that is absent, and for a private key that other users may read
 */
export function readTlsFiles<Names extends Omit<TlsFiles, 'ca'>>(names: Names): TlsTexts<Names> {
  const texts = Object.entries(names).map(([name, file]) => [name, readCertificates(file as string)]);
  const mode = fs.statSync(names.key).mode;
  if ((mode & OTHERS) !== 0) throw argumentError(`other users may read or write ${names.key}: chmod 600 it`);
  return Object.fromEntries(texts) as TlsTexts<Names>;
}

/** @throws RangeError for a file that is absent */
export function readCertificates(file: string): string {
  const text = readFileIfThere(file);
  if (text === undefined) throw argumentError(`there is no file ${file}`);
  return text;
}

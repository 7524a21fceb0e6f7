/**
 * Addresses as people write them: `host:port`, `[ipv6]:port`, `unix:/path`.
 */
import { ErrorCode, IndelibleError } from '../errors.js';

export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** Longest path of a Unix socket that Linux takes, in bytes. */
const UNIX_PATH_BYTES_MAX = 107;

/** @throws ERR_INDELIBLE_NETWORK when `text` is not an address. */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '' || path.includes('\0') || Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) {
      throw badAddress(text, `the path of a Unix socket has 1 … ${UNIX_PATH_BYTES_MAX} bytes`);
    }
    return { path };
  }
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw badAddress(text, 'write host:port, [ipv6]:port or unix:/path');
  const port = Number(match[3]);
  if (port > 65_535) throw badAddress(text, 'a port is at most 65535');
  return { host: (match[1] ?? match[2])!, port };
}

/** The address in the form that {@link parseAddress} reads. */
export function formatAddress(address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only this machine reaches the address: a Unix socket, or loopback by number or as `localhost`. */
export function isOfThisMachine(address: Address): boolean {
  if ('path' in address) return true;
  const host = address.host.toLowerCase();
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function badAddress(text: string, why: string): IndelibleError {
  return new IndelibleError(ErrorCode.network, `"${text}" is not an address: ${why}`, { path: text });
}

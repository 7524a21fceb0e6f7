/** Parsers of option values, as commander takes them. */

import { parsePort } from '../cluster/addresses.js';
import { argumentError } from '../errors.js';
import { parseSize } from './size.js';

export function integerOption(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw argumentError(`expected a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  };
}

export function portOption(name: string): (text: string) => number {
  return (text) => parsePort(text, name);
}

export function sizeOption(name: string): (text: string) => number {
  return (text) => parseSize(text, name);
}

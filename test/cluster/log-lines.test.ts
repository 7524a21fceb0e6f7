import { expect, it } from 'vitest';
import { LogLines, type WriteSome } from '../../lib/cluster/log-lines.js';

interface Asked {
  readonly bytes: Uint8Array;
  readonly done: (error: Error | null, written: number) => void;
}

/** A descriptor that takes what it is told to, when it is told to. */
class Descriptor {
  said = '';
  #asked: Asked | undefined;

  readonly writeSome: WriteSome = (_descriptor, bytes, done) => {
    expect(this.#asked).toBeUndefined();
    this.#asked = { bytes, done };
  };

  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  take(bytesMax = Number.POSITIVE_INFINITY): void {
    const { bytes, done } = this.#next();
    const taken = bytes.subarray(0, bytesMax);
    this.said += Buffer.from(taken).toString();
    done(null, taken.length);
  }

  refuse(): void {
    this.#next().done(Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 0);
  }

  #next(): Asked {
    const asked = this.#asked!;
    this.#asked = undefined;
    return asked;
  }
}

function lines(): { descriptor: Descriptor; log: LogLines } {
  const descriptor = new Descriptor();
  return { descriptor, log: new LogLines(1, descriptor.writeSome) };
}

const LOST = /^\{"level":40,"time":"[^"]+","lost":(\d+),"msg":"[^"]+"\}$/;

it('lines come out in order, whole, however little is taken at a time', () => {
  const { descriptor, log } = lines();
  for (const line of ['one\n', 'two\n', 'three\n']) log.write(line);
  while (descriptor.isAsked) descriptor.take(3);
  expect(descriptor.said).toBe('one\ntwo\nthree\n');
});

it('lines that were refused are lost, and the next one that is taken comes after their number', () => {
  const { descriptor, log } = lines();
  log.write('first\n');
  log.write('second\n');
  log.write('third\n');
  descriptor.refuse();
  descriptor.refuse();
  expect(descriptor.isAsked).toBe(false);
  log.write('later\n');
  descriptor.take();
  const [lost, later] = descriptor.said.split('\n');
  expect(LOST.exec(lost!)?.[1]).toBe('3');
  expect(later).toBe('later');
  log.write('last\n');
  descriptor.take();
  expect(descriptor.said.endsWith('later\nlast\n')).toBe(true);
});

it('what comes after a line that was cut off begins on a line of its own', () => {
  const { descriptor, log } = lines();
  log.write('a line of some length\n');
  descriptor.take(6);
  descriptor.refuse();
  log.write('later\n');
  descriptor.take();
  const [torn, lost, later] = descriptor.said.split('\n');
  expect(torn).toBe('a line');
  expect(LOST.exec(lost!)?.[1]).toBe('1');
  expect(later).toBe('later');
});

it('a descriptor that takes nothing for long costs lines and a bounded room', () => {
  const { descriptor, log } = lines();
  const line = `${'.'.repeat(1023)}\n`;
  log.write('first\n');
  for (let count = 0; count < 2000; count++) log.write(line);
  descriptor.take();
  descriptor.take();
  const [first, lost, ...waited] = descriptor.said.split('\n');
  expect(first).toBe('first');
  expect(LOST.exec(lost!)?.[1]).toBe('976');
  expect(waited.join('\n')).toBe(line.repeat(1024));
});

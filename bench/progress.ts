/**
 * Shows that and how far the benchmark has come, on stderr: one live line on a terminal, plain lines
 * elsewhere.
 */
export interface Progress {
  /** The next of the announced steps begins. */
  step(title: string): void;
  end(): void;
}

export function progressOf(steps: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  const began = performance.now();
  const live = stream.isTTY === true;
  let done = 0;
  return {
    step: (title) => {
      const seconds = Math.round((performance.now() - began) / 1000);
      done++;
      const line = `bench: ${String(done).padStart(String(steps).length)}/${steps}  ${seconds} s  ${title}`;
      stream.write(live ? `\r\x1b[K${line}` : `${line}\n`);
    },
    end: () => {
      if (live) stream.write('\r\x1b[K');
    },
  };
}

/**
 * Waits for something until a signal ends the wait. What is waited for goes on. However it ends, no listener
 * stays behind on the signal.
 */
export function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  errorOf: (reason: unknown) => unknown = (reason) => reason,
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(errorOf(signal.reason));
    if (signal.aborted) {
      work.catch(() => {});
      return abort();
    }
    signal.addEventListener('abort', abort);
    const forget = (): void => signal.removeEventListener('abort', abort);
    work.then(resolve, reject).finally(forget);
  });
}

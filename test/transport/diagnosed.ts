/** What the transport says on its diagnostics channel while something runs. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TransportDiagnostic } from '../../lib/transport/diagnostics.js';

export async function diagnosticsDuring(
  run: (seen: readonly TransportDiagnostic[]) => Promise<void>,
): Promise<readonly TransportDiagnostic[]> {
  const seen: TransportDiagnostic[] = [];
  const note = (message: unknown): void => {
    seen.push(message as TransportDiagnostic);
  };
  subscribe('indelible:transport', note);
  try {
    await run(seen);
  } finally {
    unsubscribe('indelible:transport', note);
  }
  return seen;
}

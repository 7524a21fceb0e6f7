/** The bare two-hop TCP round trip, measured with as many processes as a cluster and its client have. */
import { built } from '../built.js';
import type { Latencies } from '../latencies.js';
import { Child, freePorts } from '../processes.js';
import type { HopArgument, HopOrder } from './hop-program.js';

const { TUNING_DEFAULT } = (await built(
  'replica/options.js',
)) as typeof import('../../lib/replica/options.js');

const RESPONDERS = 2;

/** The relay sleeps between messages, or stays awake for more as long as a leader does. */
export const RELAYS = ['asleep', 'awake'] as const;
export type Relay = (typeof RELAYS)[number];

export async function measureHop(relay: Relay, order: HopOrder): Promise<Latencies> {
  const [relayPort, ...ports] = await freePorts(1 + RESPONDERS);
  const children: Child[] = [];
  const start = async (argument: HopArgument): Promise<Child> => {
    const child = await Child.ofBench('cluster/hop-program.ts', argument);
    children.push(child);
    return child;
  };
  const awakeMs = relay === 'awake' ? TUNING_DEFAULT.watchMs : 0;
  try {
    for (const port of ports) await start({ role: 'responder', port, to: [], awakeMs: 0 });
    await start({ role: 'relay', port: relayPort!, to: ports, awakeMs });
    const client = await start({ role: 'client', port: 0, to: [relayPort!], awakeMs: 0 });
    return (await client.ask(order)) as Latencies;
  } finally {
    for (const child of children) child.kill();
  }
}

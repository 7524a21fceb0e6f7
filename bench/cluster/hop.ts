/** The bare two-hop TCP round trip, measured with as many processes as a cluster and its client have. */
import type { Latencies } from '../latencies.js';
import { Child, freePorts } from '../processes.js';
import type { HopArgument, HopOrder } from './hop-program.js';

const RESPONDERS = 2;

export async function measureHop(order: HopOrder): Promise<Latencies> {
  const [relayPort, ...ports] = await freePorts(1 + RESPONDERS);
  const children: Child[] = [];
  const start = async (argument: HopArgument): Promise<Child> => {
    const child = await Child.ofBench('cluster/hop-program.ts', argument);
    children.push(child);
    return child;
  };
  try {
    for (const port of ports) await start({ role: 'responder', port, to: [] });
    await start({ role: 'relay', port: relayPort!, to: ports });
    const client = await start({ role: 'client', port: 0, to: [relayPort!] });
    return (await client.ask(order)) as Latencies;
  } finally {
    for (const child of children) child.kill();
  }
}

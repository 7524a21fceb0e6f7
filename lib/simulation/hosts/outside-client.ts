/**
 * A client on a machine of its own: it dials a replica, asks for whoever leads, asks things, and dials
 * another when its connection ends. The connection is the real one (transport/exchange.ts).
 */
import { Exchange } from '../../transport/exchange.js';
import type { ReplicaId } from '../../types.js';
import { Violation } from '../violation.js';
import { EventLoop } from './event-loop.js';
import { Requester } from './front-end.js';
import type { HostSurroundings } from './host-surroundings.js';
import { MachineClock } from './machine-clock.js';

/** Clients' machines are numbered from here. */
const FIRST_MACHINE = 100;
const REDIAL_MS_MAX = 300;

export class OutsideClient {
  private readonly around: HostSurroundings;
  private readonly loop: EventLoop;
  private readonly machine: number;
  private requester: Requester | undefined;
  private isOver = false;

  constructor(number: number, around: HostSurroundings) {
    this.around = around;
    this.machine = FIRST_MACHINE + number;
    const { clock, random } = around;
    const machineClock = new MachineClock(clock, random.fork());
    this.loop = new EventLoop(clock, random.fork(), machineClock, (error) => around.broke(error));
  }

  start(): void {
    this.dial(this.around.random.pick([...this.around.addresses.keys()]));
  }

  stop(): void {
    this.isOver = true;
    this.requester?.stop();
  }

  private dialLater(to: ReplicaId): void {
    this.requester = undefined;
    if (this.isOver) return;
    this.loop.after(1 + this.around.random.below(REDIAL_MS_MAX), () => this.dial(to));
  }

  private dial(to: ReplicaId): void {
    const { around, loop, machine } = this;
    const { addresses, network, clusterId, random } = around;
    const somebody = random.pick([...addresses.keys()]);
    let leader = to;
    Exchange.connect({
      address: addresses.get(to)!,
      clusterId,
      key: undefined,
      runtime: loop,
      sockets: network.socketsOf(machine, loop),
      events: {
        leaderIs: (now) => {
          leader = now;
          if (now !== 0 && now !== to) this.exchangeEnds?.();
        },
        closed: () => this.closed(leader === 0 || leader === to ? somebody : leader),
      },
    })
      .then((exchange) => {
        this.exchangeEnds = () => exchange.close();
        this.requester = new Requester(exchange, loop, around.requestsOf(0));
        this.requester.start();
        if (this.isOver) exchange.close();
      })
      .catch(() => this.dialLater(somebody));
  }

  private exchangeEnds: (() => void) | undefined;

  /** By now everything that was asked over the connection has an outcome. */
  private closed(next: ReplicaId): void {
    const { requester, around } = this;
    if (requester !== undefined) {
      requester.stop();
      const owed = requester.writes.openCount + requester.reads.openCount;
      if (owed > 0) {
        around.broke(
          new Violation('requests', `${owed} requests have no outcome when their connection ends`),
        );
      }
    }
    this.exchangeEnds = undefined;
    this.dialLater(next);
  }
}

/** The HTTP port of a replica: metrics and health for programs, a live page for people. */
import { surveyOf } from '../client/survey.js';
import { argumentError } from '../errors.js';
import type { Metric } from '../observe/metric.js';
import type { Replica } from '../replica/replica.js';
import { formatAddress, isOfThisMachine } from '../transport/address.js';
import { type ClientTls, clientSockets } from '../transport/tls.js';
import type { ReplicaId } from '../types.js';
import { type HttpPort, listenHttp } from './http-port.js';
import { LivePage } from './live-page.js';
import type { Survey } from './page-source.js';
import { replicaRoutes } from './replica-routes.js';

/** The cluster that a page shows. */
export interface PageCluster {
  /** Where all its members listen, by id. */
  readonly peers: ReadonlyMap<ReplicaId, string>;
  /** That of its clients (`clientKeyOf`); undefined where it runs without. */
  readonly key: Uint8Array | undefined;
  /** As the replicas' own: `true`, or the authority of their certificates. */
  readonly tls?: ClientTls;
}

/** Where a replica's HTTP port is, and who may ask. */
export interface HttpOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** What has to be given for all but `/livez` and `/readyz`; at least 16 characters. */
  readonly token?: string;
  /** Lets a port that other machines reach be without a token. */
  readonly insecure?: boolean;
  /** Connections at a time: 32 by default, which is the most. */
  readonly connectionsMax?: number;
  /**
   * What the page asks the other replicas with: where they listen, and the key of the cluster's clients.
   * Without it the page shows this replica alone.
   */
  readonly cluster?: PageCluster;
  /** Where the store lies: then how full its file system is, is told. */
  readonly directory?: string;
  /** What is told beside the replica's own metrics. */
  readonly extraMetrics?: () => readonly Metric[];
}

const TOKEN_CHARACTERS_MIN = 16;

/**
 * Opens the HTTP port of a replica: `/metrics`, `/livez`, `/readyz?verbose`, and at `/` a page that shows the
 * cluster as it moves.
 * @throws RangeError for a token that is too short, or none on a port that other machines reach;
 * ERR_INDELIBLE_NETWORK when the address cannot be bound
 */
export async function openHttp(replica: Replica, options: HttpOptions): Promise<HttpPort> {
  const { host = '127.0.0.1', port, token, directory, extraMetrics, connectionsMax } = options;
  checkHttpAddress({ host, port }, options);
  const page = new LivePage(surveyBy(replica, options));
  const routes = new Map([...replicaRoutes(replica, { directory, extraMetrics }), ...page.routes]);
  return listenHttp({ host, port, token, routes, connectionsMax });
}

/**
 * Serves the page of a cluster, and nothing else, from a process that is none of its replicas.
 * @throws as {@link openHttp}
 */
export async function openWatch(cluster: PageCluster, options: HttpOptions): Promise<HttpPort> {
  const { host = '127.0.0.1', port, token } = options;
  checkHttpAddress({ host, port }, options);
  const page = new LivePage(surveyOfCluster(cluster));
  return listenHttp({ host, port, token, routes: page.routes });
}

function surveyOfCluster({ peers, key, tls }: PageCluster): Survey {
  const sockets = clientSockets(tls, key);
  return () => surveyOf(peers, { key, sockets });
}

function surveyBy(replica: Replica, { cluster }: HttpOptions): Survey {
  if (cluster !== undefined) return surveyOfCluster(cluster);
  const id = replica.identity.replicaId;
  return async () => [{ id, address: replica.address, status: replica.status(), problem: '' }];
}

/** @throws RangeError for a port on a network that tells everybody everything, unless that was said */
export function checkHttpAddress(
  address: { readonly host: string; readonly port: number },
  { token, insecure = false }: Pick<HttpOptions, 'token' | 'insecure'>,
): void {
  if (token !== undefined && token.length < TOKEN_CHARACTERS_MIN) {
    throw argumentError(`the token of the HTTP port has at least ${TOKEN_CHARACTERS_MIN} characters`);
  }
  if (token !== undefined || insecure || isOfThisMachine(address)) return;
  throw argumentError(
    `the HTTP port on ${formatAddress(address)} can be reached over the network, and tells everybody how the ` +
      'replica is: give --http-token-file, or say --insecure-http, or serve it on 127.0.0.1',
  );
}

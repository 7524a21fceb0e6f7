/**
 * Sockets over TLS 1.3: sealed by the cluster's key, with no certificates at all, or by certificates of an
 * authority of one's own, in which each names its replica (certificate.ts).
 *
 * 1. A Unix socket stays as it is: nothing on it leaves the machine.
 * 2. Who calls says nothing before the other end has shown that it has the key, or a certificate that is
 *    accepted and names the replica that is wanted.
 * 3. Who listens lets the handshake end whatever the caller's certificate is, and says in `seal` what is
 *    wrong with it: the greeting refuses it then, so that the caller hears why.
 * 4. No session is resumed: each connection is judged by itself.
 * 5. New certificates hold for connections opened from then on; none is dropped for them.
 */
import { constants } from 'node:crypto';
import { connect } from 'node:net';
import {
  createSecureContext,
  type SecureContextOptions,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import { argumentError } from '../errors.js';
import type { ReplicaId } from '../types.js';
import { type Address, formatAddress, parseAddress } from './address.js';
import { faultOfNames, replicasNamedIn } from './certificate.js';
import { type Listener, listen } from './listener.js';
import { type ClusterKeys, tlsKeyOf } from './proof.js';
import type { Seal } from './seal.js';
import { faultOfCertificate, tlsError } from './socket-error.js';
import { type Socket, type Sockets, systemSockets } from './sockets.js';
import { listenTls, type TlsListener } from './tls-listener.js';

/** In PEM, each the text of one file: a certificate with those between it and the authority. */
export interface TlsCertificates {
  /** Names the replica: URI:indelible:replica:N among its subject alternative names. */
  readonly cert: string;
  /** The private key of the certificate. */
  readonly key: string;
  /** Of the authority whose certificates are accepted, and no others. */
  readonly ca: string;
}

/** Of a client: the authority that replicas are known by; a certificate of its own if they ask for one. */
export type ClientCertificates = Pick<TlsCertificates, 'ca'> & Partial<TlsCertificates>;

/** Sealed by the cluster's key (`true`), or by certificates. */
export type ReplicaTls = true | TlsCertificates;
/** Sealed by the clients' key (`true`), or by certificates. */
export type ClientTls = true | ClientCertificates;

const BINDING_LABEL = 'EXPORTER-indelible-proof';
const BINDING_BYTES = 32;

const FORM = { minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET } as const;

/** Those that a key of 32 bytes goes with: their hash is SHA-256. */
const KEY_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';

/** Who seals a connection by a key says which, by these. */
const REPLICAS = 'replicas';
const CLIENTS = 'clients';

/** @throws RangeError for certificates that are none, and where a key is to seal and there is none */
export function replicaSockets(tls: ReplicaTls | undefined, keys: ClusterKeys | undefined): Sockets {
  if (tls === undefined) return systemSockets;
  if (tls !== true) return new CertificateSockets(tls);
  if (keys === undefined) throw argumentError('TLS without certificates takes the key of the cluster');
  return new KeySockets(REPLICAS, keys.replicas, keys);
}

/** @param key of clients @throws RangeError as {@link replicaSockets} */
export function clientSockets(tls: ClientTls | undefined, key: Uint8Array | undefined): Sockets {
  if (tls === undefined) return systemSockets;
  if (tls !== true) return new CertificateSockets(tls);
  if (key === undefined)
    throw argumentError('TLS without certificates takes the key of the cluster’s clients');
  return new KeySockets(CLIENTS, key, undefined);
}

class KeySockets implements Sockets {
  readonly isSealed = true;
  readonly #identity: string;
  readonly #psk: Uint8Array;
  readonly #accepted: ReadonlyMap<string, Uint8Array>;

  constructor(identity: string, key: Uint8Array, accepted: ClusterKeys | undefined) {
    this.#identity = identity;
    this.#psk = tlsKeyOf(key);
    this.#accepted = new Map(
      accepted === undefined
        ? []
        : [
            [REPLICAS, tlsKeyOf(accepted.replicas)],
            [CLIENTS, tlsKeyOf(accepted.clients)],
          ],
    );
  }

  connect(address: Address): Socket {
    if ('path' in address) return connect(address);
    const socket = tlsConnect({
      ...address,
      ...FORM,
      ciphers: KEY_CIPHERS,
      pskCallback: () => ({ psk: this.#psk, identity: this.#identity }),
      // Without a certificate there are no names: that the other end has the key is what is shown.
      checkServerIdentity: () => undefined,
    });
    return sealed(socket, () => ({ binding: bindingOf(socket), fault: undefined, replicas: undefined }));
  }

  listen(text: string, onSocket: (socket: Socket) => void, sealedMsMax: number): Promise<Listener> {
    if ('path' in parseAddress(text)) return listen(text, onSocket);
    const options = {
      ...FORM,
      handshakeTimeout: sealedMsMax,
      ciphers: KEY_CIPHERS,
      pskCallback: (_: TLSSocket, identity: string) => this.#accepted.get(identity) ?? null,
    };
    return listenTls(text, options, (socket) =>
      onSocket(sealed(socket, () => ({ binding: bindingOf(socket), fault: undefined, replicas: undefined }))),
    );
  }
}

/** Sockets whose certificates can be replaced. */
export class CertificateSockets implements Sockets {
  readonly isSealed = true;
  #options: SecureContextOptions;
  readonly #listeners = new Set<TlsListener>();

  /** @throws RangeError */
  constructor(certificates: ClientCertificates) {
    this.#options = optionsOf(certificates);
  }

  /** Takes effect with the next connection. @throws RangeError, and then the old ones stay */
  renew(certificates: ClientCertificates): void {
    this.#options = optionsOf(certificates);
    for (const listener of this.#listeners) listener.renew(this.#options);
  }

  connect(address: Address, wanted: ReplicaId): Socket {
    if ('path' in address) return connect(address);
    const socket = tlsConnect({
      ...address,
      ...this.#options,
      rejectUnauthorized: true,
      checkServerIdentity: (_, { subjectaltname }) => {
        const fault = faultOfNames(replicasNamedIn(subjectaltname), wanted);
        return fault === undefined ? undefined : tlsError(formatAddress(address), fault);
      },
    });
    return sealed(socket, () => ({
      binding: bindingOf(socket),
      fault: undefined,
      replicas: namedBy(socket),
    }));
  }

  async listen(text: string, onSocket: (socket: Socket) => void, sealedMsMax: number): Promise<Listener> {
    if ('path' in parseAddress(text)) return listen(text, onSocket);
    const judged = { requestCert: true, rejectUnauthorized: false };
    const options = { ...this.#options, ...judged, handshakeTimeout: sealedMsMax };
    const listener = await listenTls(text, options, (socket) =>
      onSocket(
        sealed(socket, () => ({
          binding: bindingOf(socket),
          fault: faultOf(socket),
          replicas: namedBy(socket),
        })),
      ),
    );
    this.#listeners.add(listener);
    return listener;
  }
}

/** What is wrong with the certificate of who called; nothing if it has none. */
function faultOf(socket: TLSSocket): string | undefined {
  if (socket.authorized || socket.getPeerX509Certificate() === undefined) return undefined;
  return faultOfCertificate(String(socket.authorizationError));
}

function namedBy(socket: TLSSocket): readonly ReplicaId[] {
  return replicasNamedIn(socket.getPeerX509Certificate()?.subjectAltName);
}

function bindingOf(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0));
}

/** What is asked for is found out once. */
function sealed(socket: TLSSocket, find: () => Seal): Socket {
  let found: Seal | undefined;
  return Object.assign(socket, {
    seal: () => {
      found ??= find();
      return found;
    },
  });
}

/** @throws RangeError with what OpenSSL says */
function optionsOf({ cert, key, ca }: ClientCertificates): SecureContextOptions {
  const options = { ...FORM, ca, ...(cert === undefined ? {} : { cert, key }) };
  try {
    createSecureContext(options);
  } catch (error) {
    throw argumentError(`the certificates for TLS cannot be used: ${(error as Error).message}`);
  }
  return options;
}

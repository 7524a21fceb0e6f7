/** An authority of a test's own, by the openssl command: certificates that are right, and such as are not. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsCertificates } from '../../lib/transport/tls.js';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
  readonly #directory: string;
  readonly #name: string;
  #issued = 0;

  /** Keeps its files in `directory`. */
  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    const subject = ['-subj', `/CN=${name}`, '-days', '2'];
    this.#openssl([
      'req',
      '-x509',
      ...CURVE,
      ...subject,
      '-keyout',
      this.#at('key'),
      '-out',
      this.#at('pem'),
    ]);
  }

  get certificate(): string {
    return readFileSync(this.#at('pem'), 'utf8');
  }

  /** One with these subject alternative names: `URI:indelible:replica:2`. `days` −1: it has expired. */
  issue(names: readonly string[], days = 2): TlsCertificates {
    const own = `${this.#name}-${++this.#issued}`;
    const [key, request, extensions, cert] = ['key', 'csr', 'ext', 'pem'].map((kind) =>
      join(this.#directory, `${own}.${kind}`),
    ) as [string, string, string, string];
    const alternatives = names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`;
    writeFileSync(extensions, `extendedKeyUsage=serverAuth,clientAuth\n${alternatives}`);
    this.#openssl(['req', '-new', ...CURVE, '-subj', `/CN=${own}`, '-keyout', key, '-out', request]);
    const by = ['-CA', this.#at('pem'), '-CAkey', this.#at('key'), '-days', String(days)];
    this.#openssl(['x509', '-req', '-in', request, ...by, '-extfile', extensions, '-out', cert]);
    return {
      cert: readFileSync(cert, 'utf8'),
      key: readFileSync(key, 'utf8'),
      ca: this.certificate,
    };
  }

  of(replica: number, days?: number): TlsCertificates {
    return this.issue([`URI:indelible:replica:${replica}`], days);
  }

  #at(kind: string): string {
    return join(this.#directory, `${this.#name}.${kind}`);
  }

  #openssl(words: readonly string[]): void {
    execFileSync('openssl', words, { cwd: this.#directory, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

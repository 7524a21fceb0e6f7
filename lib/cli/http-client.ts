/** Asks the HTTP port of a replica. */
import http from 'node:http';

export interface HttpQuestion {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token: string | undefined;
  /** Milliseconds until a replica that does not answer counts as one that does not. */
  readonly answerMsMax: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_CHARACTERS_MAX: number = 4 << 20;

/** @throws (by rejection) when nothing comes in time, or too much */
export function askHttp({ token, answerMsMax, ...where }: HttpQuestion): Promise<HttpAnswer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(answerMsMax);
    const request = http.get({ ...where, headers, agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > ANSWER_CHARACTERS_MAX) request.destroy(new Error('it answers too much'));
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', (error) =>
      reject(signal.aborted ? new Error(`nothing came within ${answerMsMax} ms`) : error),
    );
  });
}

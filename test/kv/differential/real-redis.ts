/**
 * A real Redis server for tests. Debian's redis-tools brings the program: redis-check-rdb is the server under
 * another name, so that nothing has to be installed that starts at boot.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

export interface RealRedis {
  readonly port: number;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts one database without files. Resolves when it takes connections. */
export async function startRedis(...options: string[]): Promise<RealRedis> {
  const port = await freePort();
  const program = spawn(
    'redis-check-rdb',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--databases', '1', ...options],
    { argv0: 'redis-server', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const dies = (): unknown => program.kill('SIGKILL');
  process.once('exit', dies);
  await ready(program);
  return {
    port,
    close: async () => {
      process.off('exit', dies);
      if (program.exitCode !== null) return;
      const gone = new Promise((resolve) => program.once('exit', resolve));
      program.kill('SIGKILL');
      await gone;
    },
  };
}

function ready(program: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    program.once('error', reject);
    program.once('exit', () => reject(new Error(`redis-server ended: ${said}`)));
    program.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Ready to accept connections')) resolve();
    });
  });
}

/**
 * A plain copy over TCP, to hold a state transfer against: `take PORT FILE`, then `give HOST PORT BYTES`,
 * which prints how many seconds passed until all of it was durable in FILE.
 */
import fs from 'node:fs';
import net from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const PART = Buffer.alloc(1 << 20, 'p');

const [what, ...rest] = process.argv.slice(2);
if (what === 'take') take(Number(rest[0]), rest[1]!);
else await give(rest[0]!, Number(rest[1]), Number(rest[2]));

function take(port: number, file: string): void {
  const server = net.createServer({ allowHalfOpen: true }, async (socket) => {
    const output = fs.createWriteStream(file);
    await pipeline(socket, output, { end: true });
    const descriptor = fs.openSync(file, 'r+');
    fs.fdatasyncSync(descriptor);
    fs.closeSync(descriptor);
    socket.end('done');
    server.close();
  });
  server.listen(port, '0.0.0.0', () => console.log('listening'));
}

async function give(host: string, port: number, bytes: number): Promise<void> {
  const socket = net.connect({ host, port, allowHalfOpen: true });
  const fromMs = performance.now();
  function* parts(): Iterable<Buffer> {
    for (let left = bytes; left > 0; left -= PART.length) yield PART.subarray(0, Math.min(left, PART.length));
  }
  const isDone = new Promise((resolve) => socket.once('data', resolve));
  await pipeline(Readable.from(parts()), socket, { end: false });
  socket.end();
  await isDone;
  console.log((performance.now() - fromMs) / 1000);
  socket.destroy();
}

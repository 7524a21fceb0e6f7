/**
 * Opens a session and executes one command in it, and leaves it open: `hold-session.mjs ADDRESS KEY-FILE`.
 * Checkpoints that are taken from then on carry a session and its last answer.
 */
import { argv } from 'node:process';
import { Client, readClientKey } from '../../dist/index.js';

const OPCODE_SET = 2;
const [, , address, keyFile] = argv;

function argument(text) {
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32LE(text.length, 0);
  bytes.write(text, 4);
  return bytes;
}

const client = await Client.connect({ addresses: new Map([[1, address]]), key: readClientKey(keyFile) });
const session = await client.session();
const command = [Buffer.from([OPCODE_SET, 0]), argument('counter'), argument('0')];
console.log(Buffer.from(await session.propose(Buffer.concat(command))).toString());
client.close();

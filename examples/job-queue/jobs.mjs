/** The queue from outside: add WORK, take WORKER, finish ID WORKER, count. */
import { randomUUID } from 'node:crypto';
import { Client, ErrorCode, readClientKey } from 'indelible';
import { addresses } from './cluster.mjs';

const [verb, ...words] = process.argv.slice(2);
const commands = {
  add: { add: words[0], key: randomUUID() },
  take: { take: words[0] },
  finish: { finish: Number(words[0]), worker: words[1] },
};

const key = readClientKey('stores/1/cluster-key');
const client = await Client.connect({ addresses, key, connectMsMax: 60_000 });

/** Sends a command until its outcome is known. Every command of the queue may be executed twice. */
async function propose(command) {
  for (;;) {
    try {
      return await client.propose(Buffer.from(JSON.stringify(command)));
    } catch (error) {
      const mayAgain = error.code === ErrorCode.notExecuted || error.code === ErrorCode.unknown;
      if (!mayAgain) throw error;
    }
  }
}

const answer = verb === 'count' ? await client.read(Buffer.from('')) : await propose(commands[verb]);
console.log(Buffer.from(answer).toString());
client.close();

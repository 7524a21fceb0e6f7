/** One replica: `node serve.mjs 1`. */
import { Replica } from 'indelible';
import { addresses, storage } from './cluster.mjs';
import { JobQueue } from './queue.mjs';

const id = Number(process.argv[2]);
const replica = await Replica.open({
  directory: `stores/${id}`,
  storage,
  listen: addresses.get(id),
  peers: addresses,
  stateMachine: new JobQueue(({ what, id: job }) => console.log(`${what} job ${job}`)),
});
replica.on('role', (role, _ballot, leader) => console.log(`${role}, the leader is ${leader}`));
replica.on('failure', (error) => {
  console.error(error);
  process.exitCode = 1;
  void replica.close();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => replica.close());

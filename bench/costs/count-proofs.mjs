/**
 * Loaded in front of a replica (`--import`): counts the HMACs that it makes. At each SIGUSR2 it appends how
 * many there were so far to the file that INDELIBLE_BENCH_PROOFS names, as a line.
 */
import crypto from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { createHmac } = crypto;
let made = 0;
crypto.createHmac = (...args) => {
  made++;
  return createHmac(...args);
};
syncBuiltinESMExports();
process.on('SIGUSR2', () => appendFileSync(process.env.INDELIBLE_BENCH_PROOFS, `${made}\n`));

/** The options of the Redis port that `cluster` and `serve` share. */
import type { Command } from 'commander';
import { integerOption, sizeOption } from './option-parsers.js';

export function withServiceOptions(command: Command): Command {
  return command
    .option(
      '--max-memory <size>',
      'above it, writes get OOM; 0 for no limit (1GiB)',
      sizeOption('--max-memory'),
    )
    .option('--max-clients <number>', 'connections of each Redis port (10000)', integerOption(1, 1_000_000))
    .option('--max-key <size>', 'longest key (32KiB, at most that)', sizeOption('--max-key'))
    .option('--max-value <size>', 'longest value (960KiB, at most that)', sizeOption('--max-value'))
    .option(
      '--timeout <s>',
      'a client from which nothing came for so many seconds is closed; 0: never (0)',
      integerOption(0, 2_147_483_647),
    )
    .option(
      '--tcp-keepalive <s>',
      'seconds of silence after which a client’s machine is asked for a sign of life; 0: never (300)',
      integerOption(0, 32_767),
    )
    .option(
      '--leader-wait <ms>',
      'commands wait this long for a leader, then TRYAGAIN (2000)',
      integerOption(1, 600_000),
    )
    .option(
      '--watch <us>',
      'microseconds a leader looks out for more to do before it sleeps (100)',
      integerOption(0, 10_000),
    )
    .option('--password-file <file>', 'its first line is the password that Redis clients must give')
    .option('--acl-file <file>', 'or the users that Redis clients may be, in lines as Redis has them')
    .option('--redis-tls-cert <file>', 'TLS on the Redis port: its certificate')
    .option('--redis-tls-key <file>', '… and its private key')
    .option('--redis-tls-ca <file>', 'Redis clients must have a certificate of this authority')
    .option('--insecure-redis', 'serve Redis on a network without a password');
}

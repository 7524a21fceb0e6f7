/** `indelible members`, `add`, `promote`, `demote`, `remove`, `replace` and `lead`: who the members are. */
import { Command, Option } from 'commander';
import { votersOf } from '../client/survey.js';
import { checkPeerAddress } from '../cluster/addresses.js';
import { OWNER_ONLY } from '../cluster/durable-file.js';
import { argumentError } from '../errors.js';
import { REPLICA_ID_MAX } from '../limits.js';
import type { ReplicaId } from '../types.js';
import { Arrangement, type Look } from './arrangement.js';
import { helpWith } from './help.js';
import { accessOf, addressesOf, type MemberFlags, withMembers } from './members.js';
import { exactly, inRole, memberOf, type Role, withMember, without } from './membership.js';
import { integerOption } from './option-parsers.js';
import { type Output, tableLines } from './output.js';
import { replaceHere } from './replace-here.js';

interface Flags extends MemberFlags {
  readonly wait: number;
  readonly json?: boolean;
}

const WAIT_SECONDS = 600;

const HELP = `
Asked of the running cluster, with the clients' key. Each command waits until what it says is so, tells what it
waits for, and ends with the members as they are then. Repeated, it goes on where it ended; what is so already
is left as it is. A new replica is formatted with an id that was never used before, started, and then added:

  indelible format --join --replica 4 --dir /var/lib/indelible --key-file plan.key --peers 1=…,2=…,3=…
  indelible serve --dir /var/lib/indelible --listen 10.0.0.4:7101 --peers 1=…,2=…,3=…
  indelible add 4=10.0.0.4:7101 --config replica.json
  indelible replace 3 --with 4=10.0.0.4:7101 --config replica.json
  indelible members set 1,4,5,6 --config replica.json

docs/membership.md says what to do when.`;

export function membersCommands(output: Output): readonly Command[] {
  const members = verb('members', 'show who the members of a cluster are', output, async (by) => by.look());
  const set = verb('set <ids>', 'make exactly these members the voters', output, (by, ids) => {
    const wanted = idsOf(ids);
    return by.reach((now) => exactly(now, wanted));
  });
  members.addCommand(
    explained(set, 'Whoever is not named is removed. One that is a learner votes once it has caught up.', [
      'members set 1,4,5,6 --config replica.json',
    ]),
  );
  return [
    helpWith(members, HELP),
    addCommand(output),
    promoteCommand(output),
    demoteCommand(output),
    removeCommand(output),
    replaceCommand(output),
    leadCommand(output),
  ];
}

function addCommand(output: Output): Command {
  const roles: readonly Role[] = ['voter', 'learner'];
  const command = verb('add <replica>', 'take in a new replica, formatted and started', output, add);
  command.addOption(new Option('--as <role>', 'what it becomes').choices(roles).default('voter'));
  return explained(command, 'It learns first, and votes once it has caught up.', [
    'add 4=10.0.0.4:7101 --config replica.json',
    'add 4=10.0.0.4:7101 --as learner --config replica.json',
  ]);
}

function promoteCommand(output: Output): Command {
  const command = verb('promote <id>', 'have a learner vote, once it has caught up', output, (by, id) =>
    by.reach((now) => inRole(now, idOf(id), 'voter')),
  );
  return explained(command, 'Waits until it has caught up.', ['promote 4 --config replica.json']);
}

function demoteCommand(output: Output): Command {
  const command = verb('demote <id>', 'have a voter learn only', output, (by, id) =>
    by.reach((now) => inRole(now, idOf(id), 'learner')),
  );
  const text = 'It keeps the whole state, serves, and can be promoted again.';
  return explained(command, text, ['demote 3 --config replica.json']);
}

function removeCommand(output: Output): Command {
  const command = verb('remove <id>', 'end a membership for good', output, (by, id) =>
    by.reach((now) => without(now, idOf(id))),
  );
  const text =
    'Its id is never used again. When this ends the replica may be stopped, and its data set aside.';
  return explained(command, text, ['remove 3 --config replica.json']);
}

function replaceCommand(output: Output): Command {
  const command = verb(
    'replace <id>',
    'put a new replica in the place of another',
    output,
    async (by, id, flags) => {
      const { with: heir, dir, peers, config } = flags;
      const gone = idOf(id);
      if (heir === undefined) {
        process.umask(OWNER_ONLY);
        if (peers === undefined && config === undefined) return replaceHere(by, gone, dir);
        throw argumentError(
          '--with names the new replica, unless the cluster is one on this machine (--dir)',
        );
      }
      const { id: came } = newcomerOf(heir);
      await add(by, heir, { as: 'learner' });
      return by.reach((now) => without({ ...now, members: inRole(now, came, 'voter') }, gone));
    },
  );
  command.option('--with <replica>', 'the new one, formatted and started: 4=host:port');
  const text =
    'The new one learns first; then, in one step, it votes and the other one is removed. For a cluster that\n' +
    '`npm start` runs, the new one is formatted and started too, by the user whose cluster it is; the old one\n' +
    'is stopped, and its store set aside as replica-N.set-aside.';
  return explained(command, text, [
    'replace 3 --dir data',
    'replace 3 --with 4=10.0.0.4:7101 --config replica.json',
  ]);
}

function leadCommand(output: Output): Command {
  const command = verb('lead <id>', 'have that replica lead', output, (by, id) => by.lead(idOf(id)));
  const text = 'A voter that has caught up leads a round trip later; whoever leads now hands over.';
  return explained(command, text, ['lead 2 --config replica.json']);
}

function explained(command: Command, text: string, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  indelible ${example}`).join('\n');
  return helpWith(command, `\n${text}\nWaits until that is so, and is safe to repeat.\n\n${lines}`);
}

async function add(by: Arrangement, replica: string, { as = 'voter' }: Pick<VerbFlags, 'as'>): Promise<Look> {
  const { id, address } = newcomerOf(replica);
  const newcomer = await by.newcomer(id, address);
  const { answers } = await by.look();
  const cluster = answers.find(({ status }) => status !== undefined)!.status!;
  const member = memberOf(id, address, newcomer, cluster);
  const added = await by.reach((now) => withMember(now, member));
  return as === 'learner' ? added : by.reach((now) => inRole(now, id, 'voter'));
}

interface VerbFlags extends MemberFlags {
  readonly as?: Role;
  readonly with?: string;
}

function verb(
  name: string,
  description: string,
  output: Output,
  work: (by: Arrangement, argument: string, flags: VerbFlags) => Promise<Look>,
): Command {
  const command = new Command().description(description);
  const [word = '', argument] = name.split(' ');
  command.name(word);
  if (argument !== undefined) command.argument(argument);
  return withMembers(command)
    .option('--wait <seconds>', 'how long at most', integerOption(1, 1_000_000), WAIT_SECONDS)
    .option('--json', 'print what is so at the end as JSON')
    .action(async (...given: unknown[]) => {
      const asked = given.at(-1) as Command;
      // `members` takes the options of `members set` too, wherever they stand.
      const flags = asked.optsWithGlobals<Flags & VerbFlags>();
      const isJson = flags.json === true;
      const by = new Arrangement({
        addresses: addressesOf(flags),
        access: accessOf(flags),
        waitMs: flags.wait * 1000,
        progress: (sentence) => {
          if (!isJson) output.line(sentence);
        },
      });
      const look = await work(by, argument === undefined ? '' : (given[0] as string), flags);
      report(look, output, isJson);
    });
}

function report({ configuration, leader, answers }: Look, output: Output, isJson: boolean): void {
  const told = configuration.members.map(({ id, role = 'voter', address, storeUuid }) => {
    const answer = answers.find((each) => each.id === id);
    const { status } = answer ?? {};
    return {
      id,
      role,
      address: address ?? answer?.address ?? '',
      storeUuid,
      ...(status === undefined ? {} : { appliedThrough: status.appliedThrough, lagSlots: status.lagSlots }),
    };
  });
  const { number } = configuration;
  if (isJson) {
    return output.line(
      JSON.stringify({ configuration: number, leader: leader?.id ?? 0, members: told }, null, 2),
    );
  }
  const rows = told.map(({ id, role, address, appliedThrough, lagSlots }) => [
    String(id),
    id === leader?.id ? `${role}, leads` : role,
    address,
    appliedThrough === undefined ? 'does not answer' : String(appliedThrough),
    lagSlots === undefined ? '' : String(lagSlots),
  ]);
  for (const line of tableLines(['replica', 'role', 'address', 'applied', 'lag'], rows)) output.line(line);
  const voters = votersOf(configuration);
  output.line(
    `configuration ${number}: ${voters.length} vote, ${Math.floor((voters.length - 1) / 2)} of them may fail`,
  );
}

function newcomerOf(text: string): { readonly id: ReplicaId; readonly address: string } {
  const match = /^(\d{1,5})=(.+)$/.exec(text);
  if (match === null) throw argumentError(`the new replica is ID=host:port, not ${JSON.stringify(text)}`);
  return { id: idOf(match[1]!), address: checkPeerAddress(match[2]!, 'the address of the new replica') };
}

function idsOf(text: string): readonly ReplicaId[] {
  const ids = text.split(',').map(idOf);
  if (new Set(ids).size < ids.length) throw argumentError(`${text} names a replica twice`);
  return ids;
}

function idOf(text: string): ReplicaId {
  const id = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  if (id >= 1 && id <= REPLICA_ID_MAX) return id;
  throw argumentError(`a replica’s id is 1 … ${REPLICA_ID_MAX}, not ${JSON.stringify(text)}`);
}

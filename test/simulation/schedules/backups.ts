/** Back-ups that were interrupted or not kept, and clusters made of them: nobody of the old ones may join. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackupFile } from '../../../lib/backup/backup-file.js';
import { PartKind } from '../../../lib/backup/backup-format.js';
import { BackupWriter, writeBackup } from '../../../lib/backup/backup-writer.js';
import { Replay } from '../../../lib/backup/replay.js';
import { restoredImage } from '../../../lib/backup/restored-store.js';
import type { StoppedStores } from '../../../lib/backup/stopped-stores.js';
import { type HistoryRule, StoreHistory } from '../../../lib/backup/store-history.js';
import { firstConfiguration } from '../../../lib/cluster/plan.js';
import { restoreCluster } from '../../../lib/cluster/restoration.js';
import { ballotOf } from '../../../lib/paxos/ballot.js';
import { encodeChange } from '../../../lib/paxos/configuration-batch.js';
import { type BackupParts, BackupSources } from '../../../lib/replica/backup-source.js';
import { Executor } from '../../../lib/replica/executor.js';
import type { StateMachine } from '../../../lib/replica/state-machine.js';
import { openCheckpoints } from '../../../lib/storage/checkpoint.js';
import { digestOf } from '../../../lib/storage/crc64.js';
import { identifyFile } from '../../../lib/storage/file.js';
import { refusalOfCaller, replicaHello, type Self } from '../../../lib/transport/hello.js';
import { type Ballot, BatchKind, type Configuration, type Identity, type Vote } from '../../../lib/types.js';
import { BackupWhat } from '../../../lib/wire/client-messages.js';
import {
  BASE,
  CLUSTER,
  CONFIGURATION,
  commandsVote,
  encoded,
  mediumFor,
  SAMPLE,
  STORE,
  sample,
  sampleFile,
  skipVote,
  timeOf,
  VOTES,
} from '../../backup/sample.js';
import { mustBe, type Schedule } from './schedule.js';

/** Adds up; throws at `add 10` if it is told to. */
function counter(isPicky = false): StateMachine {
  let value = 0;
  return {
    execute: (command) => {
      if (isPicky && command.text() === 'add 10') throw new Error('no tens');
      value += Number(command.text().slice(4));
    },
    query: () => false,
    checkpoint: () => [Buffer.from(String(value))],
    restore: (chunks) => {
      value = Number(Buffer.concat([...chunks]).toString());
    },
    digest: () => String(value),
  };
}

async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'whole',
    ({ code }: { code?: string }) => code ?? 'another error',
  );
}

const cut: Schedule = {
  name: 'the power fails while a back-up is written, and when it has just been said to be there',
  async run() {
    const { description, parts } = await sample();
    const medium = await mediumFor();
    // Of what is not durable nothing stays, but every name that was given.
    const names = (): number[] => medium.units().map(({ what }) => (what === 'name' ? 1 : 0));
    const found: string[] = [];
    const looks: Promise<void>[] = [];
    const look = (): void => {
      const image = medium.cut(names());
      looks.push(outcomeOf(BackupFile.open(SAMPLE, image)).then((outcome) => void found.push(outcome)));
    };
    medium.onEvent = look;
    await writeBackup(SAMPLE, description, parts, medium);
    await Promise.all(looks);
    const half = found.filter((outcome) => outcome !== 'whole' && outcome !== 'ENOENT');
    mustBe(half, [], 'a back-up is there whole or not at all');
    const after = medium.cut(medium.units().map(() => 0));
    mustBe(await outcomeOf(BackupFile.open(SAMPLE, after)), 'whole', 'what is said to be there stays');
  },
};

const lostWrite: Schedule = {
  name: 'a disk does not keep what was written of a back-up',
  async run() {
    const { description, parts } = await sample();
    const medium = await mediumFor();
    const writer = await BackupWriter.create(SAMPLE, description, medium);
    for (const [kind, bytes] of parts) await writer.add(kind, bytes);
    const [aside] = await medium.list('/d');
    await (await medium.open(`/d/${aside}`, 'write')).sync('backup');
    medium.spoil(`/d/${aside}`, 300, Uint8Array.of(1, 2, 3, 4));
    mustBe((await outcomeOf(writer.finish())) === 'whole', false, 'it is read back before it has its name');
    mustBe(await medium.list('/d'), [], 'nothing is left of it');
  },
};

const leftOut: Schedule = {
  name: 'a replica leaves a slot out of what it tells for a back-up, or tells another batch',
  async run() {
    const { description, parts } = await sample();
    const without = encoded(VOTES.filter(({ slot }) => slot !== 5));
    const told = [[PartKind.log, without], ...parts.slice(2)] as const;
    const outcome = await outcomeOf(writeBackup(SAMPLE, description, told, await mediumFor()));
    mustBe(outcome, 'ERR_INDELIBLE_BACKUP_INVALID', 'a slot that is missing is noticed while it is written');
    const others = VOTES.map((vote) => (vote.slot === 5 ? commandsVote(5, 'add 11') : vote));
    const changed = [[PartKind.log, encoded(others)], ...parts.slice(2)] as const;
    const second = await outcomeOf(writeBackup(SAMPLE, description, changed, await mediumFor()));
    mustBe(second, 'ERR_INDELIBLE_BACKUP_INVALID', 'so is a batch that was not chosen there');
  },
};

const trimmed: Schedule = {
  name: 'the log is to be trimmed while a back-up of it is taken',
  run() {
    const newest = { meta: { throughSlot: BASE, chainDigest: 7 }, lengthBytes: 1, read: () => undefined };
    const sources = new BackupSources({
      store: { clusterId: CLUSTER, newest, hold: () => () => {} },
      replicaId: 1,
      clock: { monotonicMs: () => 0, wallMs: () => 0 },
      core: () => ({ learner: { learnedThrough: 7, chain: 1, tell: () => VOTES.slice(0, 2) } }),
    } as unknown as BackupParts);
    const source = sources.source();
    source.answer({ type: 'backupRequest', what: BackupWhat.offer, at: 0 });
    mustBe(sources.keepsAbove, BASE, 'what was offered of the log is kept');
    source.answer({ type: 'backupRequest', what: BackupWhat.log, at: 4 });
    mustBe(sources.keepsAbove, 5, 'what is still to be told of the log is kept');
    source.end();
    mustBe(sources.keepsAbove, null, 'nothing is kept for who has gone');
  },
};

/** What replica 1 of `configuration` says to a caller with that identity. */
function refusal(configuration: Configuration, identity: Identity, caller: Identity): boolean {
  const opening = { incarnation: 5, generation: 1, nonce: 9 };
  const known = { of: () => undefined, remember: () => {} };
  const listener: Self = { identity, opening, configuration, known };
  const hello = replicaHello({ ...listener, identity: caller }, identity.replicaId);
  return refusalOfCaller(hello, listener) !== undefined;
}

const newCluster: Schedule = {
  name: 'a member of the cluster that a back-up is of meets the one that was restored from it',
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'indelible-schedule-'));
    try {
      const replay = new Replay(await sampleFile(), counter());
      replay.run(7);
      const target = join(directory, 'data');
      const logs = { backend: 'file', sync: 'none', regionBytes: 1 << 20 } as const;
      const plan = await restoreCluster(target, 2, logs, replay);
      const identity = await identifyFile(join(target, 'replica-1', 'log'));
      const checkpoints = await openCheckpoints(join(target, 'replica-1', 'checkpoints'), identity.clusterId);
      const { meta } = checkpoints.newest;
      await checkpoints.close();
      mustBe(meta.configuration, firstConfiguration(plan), 'its members are those of the plan');
      mustBe(meta.stateDigest, '1153', 'it has the state');
      mustBe(identity.clusterId === CLUSTER, false, 'it has an id of its own');
      const stores = plan.members.map(({ storeUuid }) => storeUuid);
      mustBe(stores.includes(STORE), false, 'its stores are new');
      const old = { clusterId: CLUSTER, replicaId: 2, storeUuid: STORE };
      mustBe(refusal(meta.configuration, identity, old), true, 'an old member is refused');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

const firstBallots: Schedule = {
  name: 'a restored cluster executes what is proposed at its first ballots',
  async run() {
    const replay = new Replay(await sampleFile(), counter());
    replay.run(7);
    const { meta } = restoredImage(replay, 'a'.repeat(32), CONFIGURATION);
    const { throughSlot: through, timeMs, ballot } = meta;
    const machine = counter();
    const executor = new Executor(
      machine,
      ballot === undefined ? { through, timeMs } : { through, timeMs, ballot },
    );
    const bytes = Buffer.from(commandsVote(8, 'add 5').bytes);
    bytes.writeDoubleLE(ballotOf(1, 1), 16);
    const batch = { kind: BatchKind.commands, digest: digestOf(bytes, 0, bytes.length), bytes };
    executor.skips.see(8, batch, 7);
    executor.apply(8, batch);
    mustBe(machine.digest!(), '5', 'its first command is executed');
  },
};

const skippedLater: Schedule = {
  name: 'a command is gone through whose skip is told behind the slot that was asked for',
  async run() {
    const replay = new Replay(await sampleFile([...VOTES, skipVote(8, 5)]), counter(true));
    try {
      replay.run(6);
    } catch {}
    mustBe([replay.slot, replay.stateDigest], [6, '143'], 'it is passed over, as on every replica');
  },
};

/** Stores with these votes, of which all are known to be chosen through slot 4. */
function stores(...all: readonly (readonly (Vote & { bytes: Uint8Array })[])[]): StoppedStores {
  const meta = { throughSlot: BASE, chainDigest: 7, timeMs: timeOf(BASE), configuration: CONFIGURATION };
  const found = all.map((votes) => ({
    directory: 'here',
    isWhole: true,
    open: {
      log: {
        recovered: {
          votes: votes.map((vote) => ({ ...vote, lengthBytes: vote.bytes.length, available: true })),
          learnedThrough: BASE,
          uncertain: [],
        },
        readVote: (slot: number) => votes.find((vote) => vote.slot === slot)?.bytes,
      },
      checkpoints: { newest: { meta } },
    },
  }));
  return { all: found, base: found[0], learnedThrough: BASE } as unknown as StoppedStores;
}

const at = (vote: Vote & { bytes: Uint8Array }, ballot: Ballot): typeof vote => ({ ...vote, ballot });
const digestsOf = (of: StoppedStores, rule: HistoryRule): number[] => {
  const history = new StoreHistory(of, rule);
  const digests: number[] = [];
  for (let slot = BASE + 1; slot <= history.throughSlot; slot++) digests.push(history.batch(slot).digest);
  return digests;
};

const votedTwice: Schedule = {
  name: 'two stores that are left have voted for different batches in one slot',
  run() {
    const older = at(commandsVote(4, 'add 1'), ballotOf(2, 1));
    const newer = at(commandsVote(4, 'add 2'), ballotOf(3, 2));
    for (const rule of ['quorum', 'survivors'] as const) {
      mustBe(digestsOf(stores([older], [newer]), rule), [newer.digest], 'the higher ballot counts');
      mustBe(digestsOf(stores([newer], [older]), rule), [newer.digest], 'in whatever order they come');
    }
  },
};

const behindTheEnd: Schedule = {
  name: 'a store that is left has voted, at an older ballot, behind the end of a configuration',
  run() {
    const bytes = encodeChange({ number: 2, members: [{ id: 3, storeUuid: STORE }], cookie: '' });
    const digest = digestOf(bytes, 0, bytes.length);
    const sign = { slot: 4, ballot: ballotOf(5, 1), kind: BatchKind.configuration, digest, bytes };
    const outdone = at(commandsVote(5, 'add 1'), ballotOf(4, 1));
    const later = at(commandsVote(6, 'add 2'), ballotOf(6, 3));
    const found = digestsOf(stores([sign, outdone, later]), 'survivors');
    mustBe(found, [digest, 0, later.digest], 'what was proposed before the members changed is outdone');
  },
};

export const backups: readonly Schedule[] = [
  cut,
  lostWrite,
  leftOut,
  trimmed,
  newCluster,
  firstBallots,
  skippedLater,
  votedTwice,
  behindTheEnd,
];

/** What the set-up (setup.mjs) is asked for on its command line. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const PURPOSES = [
  'start',
  'test',
  'bench',
  'ci',
  'fuzz',
  'coverage',
  'power-cut',
  'pmem-vm',
  'page',
  'deploy',
];

export function parseArguments(args) {
  const task = { purpose: 'start', dryRun: false, isAgreed: isContinuousIntegration(), cluster: undefined };
  for (const [i, argument] of args.entries()) {
    const [flag, value] = argument.split('=');
    if (flag === '--for' && PURPOSES.includes(value)) task.purpose = value;
    else if (argument === '--dry-run') task.dryRun = true;
    else if (argument === '--yes') task.isAgreed = true;
    else if (argument === '--run') {
      task.cluster = args.slice(i + 1).filter((word) => word !== '--yes');
      task.isAgreed ||= args.includes('--yes');
      break;
    } else {
      console.error(`setup: unknown argument ${argument}`);
      console.error(`usage: node setup.mjs [--for=${PURPOSES.join('|')}] [--yes] [--dry-run]`);
      process.exit(2);
    }
  }
  return { ...task, backend: backendOf(task.cluster ?? []) };
}

function isContinuousIntegration() {
  return !['', '0', 'false'].includes(process.env.CI ?? '');
}

/** The kind of log that a cluster is to have: as it is told, as its data has it, or the default. */
function backendOf(args) {
  const told = (flag) => {
    const at = args.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
    return at < 0 ? undefined : args[at].includes('=') ? args[at].slice(flag.length + 1) : args[at + 1];
  };
  const wanted = told('--backend');
  if (wanted !== undefined) return wanted;
  try {
    const file = path.join(path.resolve(ROOT, told('--dir') ?? 'data'), 'cluster.json');
    return JSON.parse(fs.readFileSync(file, 'utf8')).backend ?? 'emulated';
  } catch {
    return 'emulated';
  }
}

/** Small disks for tests: a tmpfs in a mount namespace of the process that needs it, gone when it ends. */
import { spawnSync } from 'node:child_process';

/** As root; as anybody, where user namespaces are allowed; as root in a chroot, which allows neither. */
const WAYS: readonly (readonly string[])[] = [
  ['--mount'],
  ['--mount', '--map-root-user'],
  ['--mount', '--propagation', 'unchanged'],
];

let way: readonly string[] | undefined;

/** What `unshare` is told, to run a command that may mount. @throws where nothing of the kind is allowed */
function unshareFlags(): readonly string[] {
  way ??= WAYS.find((flags) => spawnSync('unshare', [...flags, 'true']).status === 0);
  if (way === undefined) throw new Error('these tests need to be root, or user namespaces to be allowed');
  return way;
}

/** The command that runs a shell script with a tmpfs mounted at `directory` with `options`. */
export function onTmpfs(directory: string, options: string, script: string): readonly [string, ...string[]] {
  const mounted = `mount -t tmpfs -o ${options} none '${directory}' || exit 99; ${script}`;
  return ['unshare', ...unshareFlags(), 'sh', '-c', mounted];
}

/** Takes away what a mount may have left outside its namespace, where it could not be kept inside. */
export function forgetMount(directory: string): void {
  spawnSync('umount', ['-l', directory]);
}

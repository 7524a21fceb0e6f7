/**
 * Asked by binding.gyp before anything is compiled: is libpmem's header here? Prints nothing if it is, and
 * otherwise says what to do in a human's words and fails. The library itself is loaded when a region is
 * opened, so building needs the header alone.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const asked = spawnSync('pkg-config', ['--atleast-version=1.12.1', 'libpmem'], { encoding: 'utf8' });
const byPkgConfig = asked.status === 0;
const byHeader = ['/usr/include/libpmem.h', '/usr/local/include/libpmem.h'].some((path) => existsSync(path));

if (!byPkgConfig && !byHeader) {
  process.stderr.write(
    [
      '',
      "Indelible's C++ addon cannot be built: the header libpmem.h (libpmem 1.12.1 or newer) is not installed.",
      '  Debian, Ubuntu:  apt-get install libpmem-dev',
      '  Fedora:          dnf install libpmem-devel',
      'Then run this again.',
      '',
      '',
    ].join('\n'),
  );
  process.exitCode = 1;
}

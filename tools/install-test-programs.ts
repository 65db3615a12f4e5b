/**
 * The guest and conformance tests run other people's programs. What is missing is installed with apt-get when this is root on a
 * Debian-like machine; otherwise the packages are named and the tests that need them are skipped by name.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

/** Program or file -> Debian package. */
export const TEST_PROGRAMS: Readonly<Record<string, string>> = {
  gcc: 'gcc',
  '/usr/include/stdio.h': 'libc6-dev',
  '/usr/include/linux/stat.h': 'linux-libc-dev',
  'musl-gcc': 'musl-tools',
  make: 'make',
  objdump: 'binutils',
  strace: 'strace',
  gdb: 'gdb',
  busybox: 'busybox-static',
  dash: 'dash',
  bash: 'bash',
  '/usr/bin/python3': 'python3',
  perl: 'perl',
  gawk: 'gawk',
  sed: 'sed',
  sqlite3: 'sqlite3',
  git: 'git',
  tar: 'tar',
  gzip: 'gzip',
  xz: 'xz-utils',
  bzip2: 'bzip2',
  zstd: 'zstd',
  umoci: 'umoci',
  skopeo: 'skopeo',
  bc: 'bc',
  file: 'file',
  tmux: 'tmux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  bwrap: 'bubblewrap',
  pgrep: 'procps',
  ipcmk: 'util-linux',
};

/** True when `program` is a path that exists or a name that PATH finds. */
export function isInstalled(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program);
  const folders = (process.env['PATH'] ?? '').split(':');
  return [...folders, '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function aptGet(args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
}

/** Installs what is missing of `programs` (program or file -> Debian package), or names it. */
export function installPrograms(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    console.error(`Missing test programs; their tests are skipped. Install them with: apt-get install ${packages.join(' ')}`);
    return;
  }
  console.error(`Installing test programs: ${packages.join(' ')}`);
  if (!aptGet(['install', '-y', '-q', ...packages])) {
    aptGet(['update', '-q']);
    for (const name of packages) aptGet(['install', '-y', '-q', name]);
  }
  const still = missing.filter(([program]) => !isInstalled(program)).map(([program]) => program);
  if (still.length > 0) console.error(`Still missing, their tests are skipped: ${still.join(' ')}`);
}

if (process.argv[1]?.endsWith('install-test-programs.js')) installPrograms(TEST_PROGRAMS);

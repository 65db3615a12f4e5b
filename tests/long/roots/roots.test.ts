/**
 * A Debian tree that debootstrap made, as `--root` and in chroot(8): each script beside this file is run in it, natively in namespaces
 * of its own (natively.sh), and under skas on each platform; stdout and exit code must be the same. Needs root, for debootstrap and for
 * the native side; skipped where no tree could be made (no network).
 */
import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEBIAN_TREE } from '../../../tools/install-long-programs.js';
import { ROOT } from '../../../tools/repository.js';
import { declareCases, type ConformanceCase } from '../../support/cases.js';

const SOURCES = join(ROOT, 'tests/long/roots');
const NO_SCRIPTS = ['natively.sh', 'chroot.sh'];
const needs = [DEBIAN_TREE, 'unshare', 'busybox'];

function rootCase(file: string): ConformanceCase {
  const options = ['--root', DEBIAN_TREE, '--no-current', '-e', 'HOME=/root', '-u', '0', '-v'];
  return {
    name: `root ${file.replace(/\.sh$/, '')}`,
    argv: ['bash', '/srv/script.sh'],
    nativeArgv: ['sh', join(SOURCES, 'natively.sh'), DEBIAN_TREE, join(SOURCES, file)],
    needs,
    timeoutMs: 240_000,
    env: { TERM: 'xterm' },
    skasOptions: [...options, `${join(SOURCES, file)}:/srv/script.sh:ro`],
  };
}

const chroot: ConformanceCase = {
  name: 'root chroot',
  argv: ['bash', 'chroot.sh'],
  nativeArgv: ['unshare', '-mpfi', '--propagation', 'private', 'bash', '-c', 'SKAS_NATIVE=1 exec bash chroot.sh'],
  needs,
  files: ['chroot.sh'],
  env: { SKAS_TREE: DEBIAN_TREE },
  skasOptions: ['-r', DEBIAN_TREE, '-u', '0'],
};

const scripts = readdirSync(SOURCES).filter((file) => file.endsWith('.sh') && !NO_SCRIPTS.includes(file));
const isRoot = process.getuid!() === 0;
declareCases([...scripts.sort().map(rootCase), chroot], {
  sources: SOURCES,
  why: (need) =>
    need === DEBIAN_TREE && !(isRoot && existsSync(need))
      ? `no Debian tree: ${isRoot ? 'debootstrap could not make one' : 'only root can make one'}`
      : undefined,
});

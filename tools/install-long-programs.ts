/**
 * What the long suite needs beyond install-test-programs.ts: programs, and source packages to build, which are unpacked below
 * build/. As there: installed when this is root on a Debian-like machine, otherwise named, and their tests are skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPrograms, isInstalled } from './install-test-programs.js';
import { ROOT } from './repository.js';

/** Program or file -> Debian package. */
const LONG_PROGRAMS: Readonly<Record<string, string>> = {
  expect: 'expect',
  vim: 'vim',
  less: 'less',
  nano: 'nano',
  java: 'default-jdk-headless',
  javac: 'default-jdk-headless',
  go: 'golang-go',
  cmake: 'cmake',
  rsync: 'rsync',
  setfattr: 'attr',
  zstd: 'zstd',
  bzip2: 'bzip2',
  'stress-ng': 'stress-ng',
  '/usr/lib/python3.11/test/test_os.py': 'libpython3.11-testsuite',
  '/usr/lib/postgresql/15/bin/postgres': 'postgresql-15',
  debootstrap: 'debootstrap',
  ruby: 'ruby',
  php: 'php-cli',
  curl: 'curl',
  'lua5.4': 'lua5.4',
  tclsh: 'tcl',
  guile: 'guile-3.0',
  sbcl: 'sbcl',
  ocaml: 'ocaml-nox',
  erl: 'erlang-base',
  Rscript: 'r-base-core',
  ffmpeg: 'ffmpeg',
  convert: 'imagemagick',
  emacs: 'emacs-nox',
  nvim: 'neovim',
  zsh: 'zsh',
  fish: 'fish',
  mksh: 'mksh',
  parallel: 'parallel',
  rg: 'ripgrep',
  jq: 'jq',
  valgrind: 'valgrind',
  'qemu-x86_64': 'qemu-user',
  socat: 'socat',
  gpg: 'gnupg',
  'ssh-agent': 'openssh-client',
  ninja: 'ninja-build',
  htop: 'htop',
};

const SOURCE_PACKAGES = ['zlib'];

/** Unpacked source packages: one folder each, without version numbers. */
export const SOURCES = join(ROOT, 'build/sources');

const APT_SOURCES = '/etc/apt/sources.list.d/debian.sources';

/** With lists of its own: the machine's remain as they are. */
function fetchSources(names: readonly string[]): void {
  if (names.length === 0 || !isInstalled('apt-get') || !isInstalled('dpkg-source') || !existsSync(APT_SOURCES)) return;
  mkdirSync(join(SOURCES, '.lists/partial'), { recursive: true });
  // Beside the lists: apt-get removes what it does not know among them.
  const list = join(SOURCES, '.debian.sources');
  writeFileSync(list, readFileSync(APT_SOURCES, 'utf8').replace(/^Types:.*$/gm, 'Types: deb-src'));
  const options = [`Dir::Etc::SourceList=${list}`, 'Dir::Etc::SourceParts=/dev/null', `Dir::State::Lists=${join(SOURCES, '.lists')}`];
  const aptGet = (args: readonly string[]): boolean =>
    spawnSync('apt-get', [...options.flatMap((option) => ['-o', option]), '-q', ...args], { cwd: SOURCES, stdio: 'ignore' }).status === 0;
  if (!aptGet(['update']) || !aptGet(['source', ...names])) {
    console.error(`Source packages could not be fetched, their tests are skipped: ${names.join(' ')}`);
    return;
  }
  for (const name of names) {
    const unpacked = readdirSync(SOURCES, { withFileTypes: true }).find(
      (entry) => entry.isDirectory() && entry.name.startsWith(`${name}-`),
    );
    if (unpacked) renameSync(join(SOURCES, unpacked.name), join(SOURCES, name));
  }
}

/** What the scripts of tests/long/roots use. */
const TREE_PACKAGES = 'sudo openssh-server openssh-client cron redis-server nginx-light gcc libc6-dev make procps netbase';

/** A Debian tree, made once by debootstrap, from the mirror and of the release that the machine's own apt uses. */
export const DEBIAN_TREE = join(ROOT, 'build/roots/debian');

function makeDebianTree(): void {
  if (existsSync(DEBIAN_TREE) || process.getuid?.() !== 0 || !isInstalled('debootstrap') || !existsSync(APT_SOURCES)) return;
  const sources = readFileSync(APT_SOURCES, 'utf8');
  const mirror = /^URIs: *(\S+)/m.exec(sources)?.[1];
  const release = /^Suites: *(\S+)/m.exec(sources)?.[1];
  if (mirror === undefined || release === undefined) return;
  console.error(`Making a Debian tree with debootstrap: ${release} from ${mirror}`);
  const partial = `${DEBIAN_TREE}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const args = ['--variant=minbase', `--include=${TREE_PACKAGES.replaceAll(' ', ',')}`, release, partial, mirror];
  if (spawnSync('debootstrap', args, { stdio: 'ignore' }).status === 0) renameSync(partial, DEBIAN_TREE);
  else console.error('debootstrap could not make a Debian tree, its tests are skipped');
}

function main(): void {
  installPrograms(LONG_PROGRAMS);
  makeDebianTree();
  fetchSources(SOURCE_PACKAGES.filter((name) => !existsSync(join(SOURCES, name))));
}

if (process.argv[1]?.endsWith('install-long-programs.js')) main();

/** Core files: only here, since where a host puts them is its own business. Read by binutils. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { ROOT } from '../../tools/repository.js';

const CLI = join(ROOT, 'dist', 'cli.cjs');

const skip = isInstalled('readelf') ? false : 'no readelf (binutils)';

function run(script: string, ...options: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [CLI, 'run', '-C', '/tmp', '-u', '0', ...options, '--', 'bash', '-c', script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return stdout + stderr.replace(/.*(core dumped).*\n/g, '$1\n');
}

test('a process that a signal ends leaves a core, within its limit, where the pattern says', { skip }, () => {
  const script = `
    secret=memory-of-the-process
    bash -c 'kill -SEGV $$'; ls core* 2>/dev/null | wc -l
    ulimit -c unlimited
    bash -c 'secret=memory-of-the-pro""cess; kill -SEGV $$'
    readelf -h core | grep Type | tr -s ' '; readelf -n core | grep -c 'NT_PRSTATUS\\|NT_AUXV\\|NT_PRPSINFO'
    readelf -lW core | grep -c LOAD | sed 's/[0-9]*/loads/'; grep -c memory-of-the-process core
    echo 'core.%e.%%' > /proc/sys/kernel/core_pattern
    bash -c 'kill -FPE $$'; ls core.*
    bash -c 'kill -KILL $$'; echo '|/bin/true' > /proc/sys/kernel/core_pattern; rm core*
    bash -c 'kill -ABRT $$'; ls core* 2>/dev/null | wc -l`;
  const expected = ['0', 'core dumped', 'Type: CORE (Core file)', '3', 'loads', '1', 'core dumped', 'core.bash.%', '0'];
  const lines = run(script)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/Segmentation|Killed|Aborted|Floating|line \d+/.test(line));
  assert.deepEqual([...lines].sort(), [...expected].sort());
});

test('a page of a private mapping is in the core though nobody has touched it, as debuggers look for the lists of libraries there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skas-core-'));
  try {
    writeFileSync(join(folder, 'data'), Buffer.concat([Buffer.alloc(4 * 2 ** 20), Buffer.from('untouched-page')]));
    const program = [
      'import mmap, os, signal',
      'f = open("/mnt/data", "rb")',
      'm = mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)',
      'm[0:1] = b"x"',
      'os.kill(os.getpid(), signal.SIGSEGV)',
    ];
    const script = `ulimit -c unlimited; /usr/bin/python3 -c '${program.join('\n')}'; grep -c untouched-page core`;
    assert.match(run(script, '-v', `${folder}:/mnt:ro`), /^1$/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

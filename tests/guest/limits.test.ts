/** Limits of a machine: each is reached, each is answered with Linux's own signal or errno, and the machine goes on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Sandbox } from '../../src/api/sandbox.js';
import { PLATFORMS } from '../support/platforms.js';

for (const platform of PLATFORMS) {
  describe(`limits on ${platform}`, { timeout: 120_000 }, () => {
    test('memory: who takes too much is killed, the machine goes on', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { memoryBytes: 96 << 20 } });
      const hog = await sandbox.exec('/usr/bin/perl', ['-e', 'my @all; push @all, "x" x 1000000 while 1']);
      assert.ok(hog.signal === 'SIGKILL' ? hog.usage.outOfMemory : hog.exitCode !== 0, JSON.stringify(hog));
      assert.equal((await sandbox.exec('sh', ['-c', 'echo alive'])).stdout, 'alive\n');
    });

    test('CPU time: a loop that makes no system call gets SIGXCPU', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { cpuSeconds: 1 } });
      assert.equal((await sandbox.exec('sh', ['-c', 'while :; do :; done'])).signal, 'SIGXCPU');
      assert.equal((await sandbox.exec('sh', ['-c', '(while :; do :; done); echo $?'])).stdout, '152\n');
    });

    test('processes: fork fails with EAGAIN, and works again afterwards', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { processes: 20 } });
      const bomb = await sandbox.exec('/usr/bin/perl', [
        '-e',
        '$| = 1; while (defined(my $p = fork())) { sleep 100 if !$p } print $!{EAGAIN} ? "refused" : $!, "\\n"; kill 9, 0',
      ]);
      assert.deepEqual([bomb.stdout, bomb.signal], ['refused\n', 'SIGKILL']);
      assert.equal((await sandbox.exec('sh', ['-c', 'echo $(echo alive)'])).stdout, 'alive\n');
    });

    test('open files and the size of files in memory', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { openFiles: 32, diskBytes: 4 << 20 } });
      const files = await sandbox.exec('/usr/bin/perl', [
        '-e',
        'my @f; while (open(my $f, "<", "/dev/null")) { push @f, $f } print scalar(@f) < 32, " $!\\n"',
      ]);
      assert.equal(files.stdout, '1 Too many open files\n');
      const disk = await sandbox.exec('sh', [
        '-c',
        'head -c 8000000 /dev/zero > /tmp/big; echo $?; rm /tmp/big; echo small > /tmp/s && cat /tmp/s',
      ]);
      assert.match(disk.stdout, /^1\nsmall\n$/);
      assert.match(disk.stderr, /No space left on device/);
    });
  });
}

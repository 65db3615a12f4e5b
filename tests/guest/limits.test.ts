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
      if (hog.usage.outOfMemory) assert.deepEqual(hog.usage.limits, ['memory']);
      assert.equal((await sandbox.exec('sh', ['-c', 'echo alive'])).stdout, 'alive\n');
    });

    test('memory: a mapping that the machine could never hold is refused, and told', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { memoryBytes: 96 << 20 } });
      const greedy = await sandbox.exec('/usr/bin/perl', ['-e', 'my $x = "x" x 1e9']);
      assert.deepEqual([greedy.ok, greedy.usage.limits], [false, ['memory']]);
      assert.match(greedy.stderr, /Out of memory/);
    });

    test('CPU time: a loop that makes no system call gets SIGXCPU', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { cpuSeconds: 1 } });
      const endless = await sandbox.exec('sh', ['-c', 'while :; do :; done']);
      assert.deepEqual([endless.signal, endless.usage.limits], ['SIGXCPU', ['cpu']]);
      assert.equal((await sandbox.exec('sh', ['-c', '(while :; do :; done); echo $?'])).stdout, '152\n');
    });

    test('processes: fork fails with EAGAIN, and works again afterwards', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { processes: 20 } });
      const bomb = await sandbox.exec('/usr/bin/perl', [
        '-e',
        '$| = 1; while (defined(my $p = fork())) { sleep 100 if !$p } print $!{EAGAIN} ? "refused" : $!, "\\n"; kill 9, 0',
      ]);
      assert.deepEqual([bomb.stdout, bomb.signal, bomb.usage.limits], ['refused\n', 'SIGKILL', ['processes']]);
      assert.equal((await sandbox.exec('sh', ['-c', 'echo $(echo alive)'])).stdout, 'alive\n');
    });

    test('open files and the size of files in memory', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { openFiles: 32, diskBytes: 4 << 20 } });
      const files = await sandbox.exec('/usr/bin/perl', [
        '-e',
        'my @f; while (open(my $f, "<", "/dev/null")) { push @f, $f } print scalar(@f) < 32, " $!\\n"',
      ]);
      assert.deepEqual([files.stdout, files.usage.limits], ['1 Too many open files\n', ['openFiles']]);
      const disk = await sandbox.exec('sh', [
        '-c',
        'head -c 8000000 /dev/zero > /tmp/big; echo $?; rm /tmp/big; echo small > /tmp/s && cat /tmp/s',
      ]);
      assert.match(disk.stdout, /^1\nsmall\n$/);
      assert.match(disk.stderr, /No space left on device/);
      assert.deepEqual(disk.usage.limits, ['disk']);
    });

    test('all file systems in memory share one limit, those that the guest mounts included', async () => {
      await using sandbox = await Sandbox.create({ platform, user: '0:0', limits: { diskBytes: 6 << 20 } });
      const fill = 'fill() { head -c 2500000 /dev/zero > $1 2>/dev/null; echo $?; }; mkdir /mnt/m; mount -t tmpfs none /mnt/m;';
      const filled = await sandbox.exec('sh', [
        '-c',
        `${fill} fill /tmp/a; fill /dev/shm/b; fill /mnt/m/c; rm /tmp/a; fill /var/d; fill /run/e`,
      ]);
      assert.deepEqual([filled.stdout, filled.usage.limits], ['0\n0\n1\n0\n1\n', ['disk']]);
    });

    test('output: SIGXFSZ, EFBIG for who ignores it; on a terminal too', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { outputBytes: 100_000 } });
      const script = ['-c', 'while :; do echo 0123456789abcdef; done'];
      const flood = await sandbox.exec('sh', script);
      assert.deepEqual([flood.signal, flood.usage.limits], ['SIGXFSZ', ['output']]);
      assert.equal(flood.stdout.length, 100_000);
      const refused = await sandbox.exec('/usr/bin/perl', [
        '-e',
        '$SIG{XFSZ} = "IGNORE"; 1 while syswrite(STDOUT, "x" x 1000); exit($!{EFBIG} ? 42 : 1)',
      ]);
      assert.deepEqual([refused.exitCode, refused.usage.limits], [42, ['output']]);
      const own = await sandbox.exec('sh', ['-c', 'echo 0123456789'], { limits: { outputBytes: 5 } });
      assert.deepEqual([own.stdout, own.signal], ['01234', 'SIGXFSZ']);
      const enough = await sandbox.exec('sh', ['-c', 'echo 0123'], { limits: { outputBytes: 5 } });
      assert.deepEqual([enough.stdout, enough.exitCode, enough.usage.limits], ['0123\n', 0, []]);
      const terminal = await sandbox.spawn('sh', script, { pty: { cols: 80, rows: 24 } });
      let shown = 0;
      for await (const bytes of terminal.stdout) shown += bytes.length;
      const ended = await terminal.exited;
      assert.deepEqual([ended.signal, ended.usage.limits], ['SIGXFSZ', ['output']]);
      assert.ok(shown >= 100_000 && shown < 200_000, String(shown));
    });

    test('the limits are what the cgroup and /proc tell', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { memoryBytes: 96 << 20, processes: 77 } });
      const shown = await sandbox.exec('sh', [
        '-c',
        'cd /sys/fs/cgroup; cat memory.max pids.max cgroup.procs; cat /proc/self/cgroup; grep MemTotal /proc/meminfo; cat pids.current',
      ]);
      assert.equal(shown.stdout, '100663296\n77\n1\n2\n0::/\nMemTotal:          98304 kB\n2\n');
    });

    test('wall time', async () => {
      await using sandbox = await Sandbox.create({ platform, limits: { wallSeconds: 0.2 } });
      const late = await sandbox.exec('sleep', ['100']);
      assert.deepEqual([late.signal, late.timedOut, late.usage.limits], ['SIGTERM', true, ['wall']]);
    });
  });
}

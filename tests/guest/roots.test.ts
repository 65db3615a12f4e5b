/** `--root` with archives and images: what is in them runs, as whom and where the image says; what is wrong with them is told in a line. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hostdir, image, overlay, Sandbox, tarfs, type FileSystemSpec } from '../../src/index.js';
import { makeTar, type Member } from '../../src/image/tar-for-tests.js';
import { isInstalled } from '../../tools/install-test-programs.js';
import { PLATFORMS } from '../support/platforms.js';
import { CLI } from '../support/run.js';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => isInstalled(path));
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1234::/home/app:/bin/sh\n';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'skas-roots-'));
  process.env['SKAS_CACHE_DIR'] = join(folder, 'cache');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function members(): Member[] {
  return [
    { name: 'bin/busybox', data: readFileSync(BUSYBOX!), mode: 0o755 },
    { name: 'bin/sh', type: '2', link: 'busybox' },
    { name: 'bin/suid', type: '1', link: 'bin/busybox' },
    { name: 'etc/passwd', data: PASSWD, pax: { 'SCHILY.xattr.user.colour': 'green' } },
    { name: 'srv/secret', data: 'of nobody', mode: 0o600, uid: 65534, gid: 65534 },
    { name: 'srv/sparse', data: 'AB', pax: { 'GNU.sparse.map': '4096,1,20000,1', 'GNU.sparse.size': '30000' } },
    { name: 'srv/null', type: '3', device: [1, 3], mode: 0o666 },
  ];
}

function skas(...words: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [CLI, 'run', ...words], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
}

function sh(root: string, script: string, ...options: string[]): string {
  const { status, stdout, stderr } = skas('--root', root, ...options, '--', '/bin/sh', '-c', script);
  assert.deepEqual([status, stderr], [0, ''], stdout);
  return stdout;
}

for (const platform of PLATFORMS) {
  describe(`roots on ${platform}`, { timeout: 120_000, skip: BUSYBOX ? false : 'busybox is not installed' }, () => {
    test('an archive is a root: owners, modes, holes, attributes and devices as they are in it', async () => {
      const file = join(folder, `root-${platform}.tar.gz`);
      writeFileSync(file, gzipSync(makeTar(members()), { level: 1 }));
      await using sandbox = await Sandbox.create({ platform, root: file, user: '0:0' });
      const busybox = async (...args: string[]): Promise<string> => {
        const { stdout, stderr } = await sandbox.exec('/bin/busybox', args, { encoding: 'utf8' });
        return stdout + stderr;
      };
      assert.equal(await busybox('stat', '-c', '%u:%g %a %s', '/srv/secret'), '65534:65534 600 9\n');
      assert.equal(await busybox('stat', '-c', '%h', '/bin/suid'), '2\n');
      assert.equal(await busybox('sh', '-c', 'busybox tr -d "\\0" < /srv/sparse; busybox wc -c < /srv/sparse'), 'AB30000\n');
      assert.equal(await busybox('sh', '-c', 'echo lost > /srv/null; busybox wc -c < /srv/null'), '0\n');
      assert.equal(
        await busybox('sh', '-c', 'echo new >> /etc/passwd; busybox tail -n 1 /etc/passwd; busybox rm -r /srv; busybox ls /'),
        'new\nbin\ndev\netc\nproc\nroot\nrun\nsys\ntmp\n',
      );
      assert.deepEqual(
        [sandbox.command.length, (await sandbox.exec('/bin/sh', ['-c', 'cat /srv/secret'], { user: 'app' })).ok],
        [0, false],
      );
      await using again = await Sandbox.create({ platform, root: tarfs(file), user: 'app' });
      assert.equal((await again.exec('/bin/sh', ['-c', 'busybox cat /srv/secret'])).exitCode, 1);
      await using mounted = await Sandbox.create({ platform, mounts: { '/image': tarfs(file) } });
      assert.equal((await mounted.exec('cat', ['/image/etc/passwd'])).stdout, PASSWD);
    });
  });
}

test('a directory as root: the machine knows its own name, the host keeps its file', {
  skip: BUSYBOX ? false : 'busybox is not installed',
  timeout: 60_000,
}, async () => {
  const root = join(folder, 'directory');
  for (const name of ['bin', 'etc']) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['busybox', 'cat']) copyFileSync(BUSYBOX!, join(root, 'bin', name));
  const hosts = join(root, 'etc/hosts');
  const shown = async (at: FileSystemSpec): Promise<string> => {
    await using sandbox = await Sandbox.create({ root: at, hostname: 'box' });
    return (await sandbox.exec('/bin/cat', ['/etc/hosts'])).stdout;
  };
  const localhost = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';
  assert.equal(await shown(overlay(hostdir(root))), `${localhost}127.0.1.1\tbox\n`);
  assert.equal(existsSync(hosts), false);
  for (const [text, after] of [
    ['10.0.0.1 other', '10.0.0.1 other\n127.0.1.1\tbox\n'],
    ['10.0.0.1 other # box\n', '10.0.0.1 other # box\n127.0.1.1\tbox\n'],
    ['10.0.0.1 other box\n', '10.0.0.1 other box\n'],
  ]) {
    writeFileSync(hosts, text!);
    assert.equal(await shown(overlay(hostdir(root))), after);
    assert.equal(await shown(hostdir(root, { readOnly: false })), text);
    assert.equal(readFileSync(hosts, 'utf8'), text);
  }
});

describe('images on the command line', { timeout: 120_000, skip: BUSYBOX ? false : 'busybox is not installed' }, () => {
  test('what cannot be used is told in one line, and leaves nothing', () => {
    const cases: [name: string, bytes: Uint8Array, message: RegExp][] = [
      ['cut.tar', makeTar(members()).subarray(0, 100_000), /cut\.tar: is cut off/],
      ['evil.tar', makeTar([{ name: '../../evil' }]), /evil\.tar: has a name that leads out of it/],
      ['none.tar', Buffer.from('nothing of the kind'.repeat(50)), /none\.tar: is not a tar archive/],
      ['bomb.tar.gz', gzipSync(makeTar([{ name: 'z', data: Buffer.alloc(8 << 20) }])), /bomb\.tar\.gz: has more than 1048576 bytes/],
    ];
    for (const [name, bytes, message] of cases) {
      writeFileSync(join(folder, name), bytes);
      const { status, stdout, stderr } = skas('--root', name, '--root-limit', '1M', '--', 'true');
      assert.deepEqual([status, stdout, stderr.trimEnd().split('\n').length], [125, '', 1], stderr);
      assert.match(stderr, message);
    }
    assert.deepEqual(readdirSync(join(folder, 'cache/tmp')), []);
    assert.match(skas('--root', 'evil.tar').stderr, /^skas: evil\.tar/);
  });

  test('umoci and skopeo: entry point, user, environment, directory, whiteouts', {
    skip: isInstalled('umoci') && isInstalled('skopeo') ? false : 'umoci or skopeo is not installed',
  }, async () => {
    const run = (program: string, ...args: string[]): void => {
      const { status, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, HOME: folder } });
      assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
    };
    const rootless = process.getuid!() === 0 ? [] : ['--rootless'];
    run('umoci', 'init', '--layout', 'oci');
    run('umoci', 'new', '--image', 'oci:v1');
    run('umoci', 'unpack', ...rootless, '--image', 'oci:v1', 'bundle');
    const rootfs = join(folder, 'bundle/rootfs');
    for (const name of ['bin', 'etc', 'old']) mkdirSync(join(rootfs, name));
    copyFileSync(BUSYBOX!, join(rootfs, 'bin/busybox'));
    copyFileSync(BUSYBOX!, join(rootfs, 'bin/sh'));
    writeFileSync(join(rootfs, 'etc/passwd'), PASSWD);
    run('umoci', 'repack', '--image', 'oci:v1', 'bundle');
    rmSync(join(rootfs, 'old'), { recursive: true });
    run('umoci', 'repack', '--image', 'oci:v2', 'bundle');
    const words = ['--config.entrypoint', '/bin/sh', '--config.entrypoint', '-c', '--config.cmd', 'id -un; pwd; echo $A; ls /'];
    run('umoci', 'config', '--image', 'oci:v2', ...words, '--config.env', 'A=b', '--config.user', 'app', '--config.workingdir', '/work');
    const { status, stdout, stderr } = skas('--root', 'oci:v2');
    assert.deepEqual([status, stdout, stderr], [0, 'app\n/work\nb\nbin\ndev\netc\nhome\nproc\nrun\nsys\ntmp\nwork\n', '']);
    assert.equal(
      sh('oci:v2', 'busybox cat /etc/hostname; busybox grep -c localhost /etc/hosts', '--hostname', 'box', '--entrypoint', ''),
      'box\n2\n',
    );
    assert.equal(skas('--root', 'oci:v2', '--', 'echo $0 $A', 'word').stdout, 'word b\n');
    assert.equal(sh('oci:v1', 'busybox ls -d /old; id -u', '--entrypoint', ''), '/old\n0\n');
    assert.match(skas('--root', 'oci', '--', 'true').stderr, /has no image latest: name one of its own \(v1, v2\)/);
    run('skopeo', 'copy', '-q', 'oci:oci:v2', 'oci-archive:archive.tar:v2');
    run('skopeo', 'copy', '-q', '--dest-compress-format', 'zstd', 'oci:oci:v2', 'oci:zstd:v2');
    run('skopeo', 'copy', '-q', 'oci:oci:v2', 'docker-archive:docker.tar:some/name:v2');
    for (const root of ['archive.tar', 'zstd', 'docker.tar', 'docker.tar:v2']) {
      assert.equal(skas('--root', root, '-u', '0', '-e', 'A=c', '-C', '/', '--', 'id -u; pwd; echo $A').stdout, '0\n/\nc\n', root);
    }
    await using sandbox = await Sandbox.create({ root: image(join(folder, 'oci:v2')) });
    assert.deepEqual(sandbox.command, ['/bin/sh', '-c', 'id -un; pwd; echo $A; ls /']);
    assert.equal((await sandbox.exec('/bin/sh', ['-c', 'id -un; pwd'])).stdout, 'app\n/work\n');
  });
});

/** No way leads out of a hostfs: links, dots, renames behind its back, races. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { EINVAL, ELOOP, ENOENT, ESTALE, EXDEV } from '../../abi/errno.js';
import { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/fcntl.js';
import type { Inode } from '../../vfs/inode.js';
import type { TestTree } from '../tree-for-tests.js';
import type { HostFs } from './host-fs.js';
import { base, onPath } from './host-fs-for-tests.js';

describe('the way out', () => {
  function withSecret(name: string): { dir: string; inside: string; tree: TestTree } {
    const dir = join(base, name);
    mkdirSync(join(dir, 'inside', 'sub'), { recursive: true });
    writeFileSync(join(dir, 'secret'), 'secret');
    writeFileSync(join(dir, 'inside', 'ok'), 'ok');
    return { dir, inside: join(dir, 'inside'), tree: onPath(join(dir, 'inside'), { readOnly: false }) };
  }

  test("symbolic links lead nowhere but into the guest's own tree", () => {
    const { dir, inside, tree } = withSecret('links');
    symlinkSync(join(dir, 'secret'), join(inside, 'absolute'));
    symlinkSync('../secret', join(inside, 'relative'));
    symlinkSync('/', join(inside, 'top'));
    symlinkSync('../..', join(inside, 'sub', 'up'));
    symlinkSync('/proc/self/root', join(inside, 'magic'));
    assert.equal(tree.read('/absolute'), ENOENT);
    assert.equal(tree.read('/relative'), ENOENT);
    assert.equal(tree.read('/magic/etc/passwd'), ENOENT);
    assert.equal(tree.read('/top/ok'), 'ok', "the guest's own root");
    assert.equal(tree.read('/sub/up/ok'), 'ok');
    assert.equal(tree.write('/relative', 'x', O_WRONLY), ENOENT);
    assert.equal(tree.write('/relative', 'x'), 1, 'creates a file in the root');
    assert.equal(readFileSync(join(dir, 'secret'), 'utf8'), 'secret');
    assert.equal(tree.open('/absolute', O_WRONLY | O_CREAT | O_EXCL), -17);
    // Inodes of links, asked directly, refuse to be opened or truncated.
    const link = tree.at('/absolute') as Inode;
    assert.ok(isErr(link.open(O_RDONLY)));
    assert.ok(isErr(link.setAttributes({ mode: 0o777 })));
    assert.equal(statSync(join(dir, 'secret')).mode & 0o777, 0o644);
  });

  test('.. stops at the root', () => {
    const { tree } = withSecret('dotdot');
    assert.equal(tree.read('/../secret'), ENOENT);
    assert.equal(tree.read('/sub/../../../secret'), ENOENT);
    assert.equal(tree.read('/../../../../ok'), 'ok');
    const root = tree.at('/') as Inode;
    assert.equal(root.create('..', { mode: 0o100644, uid: 0, gid: 0, rdev: 0 }), EINVAL);
    assert.equal(root.rename('ok', root, '../ok', 0), EINVAL);
    assert.equal(root.mkdir('../d', { mode: 0o40755, uid: 0, gid: 0, rdev: 0 }), EINVAL);
    assert.equal(root.unlink('../secret'), EINVAL);
    assert.equal(root.rename('ok', onPath(base, {}).at('/') as Inode, 'ok', 0), EXDEV);
  });

  test('a name that becomes a link after it was looked up is not followed', () => {
    const { dir, inside, tree } = withSecret('swap');
    writeFileSync(join(inside, 'victim'), 'harmless');
    const inode = tree.at('/victim') as Inode;
    rmSync(join(inside, 'victim'));
    symlinkSync(join(dir, 'secret'), join(inside, 'victim'));
    assert.equal(inode.open(O_RDONLY), ESTALE);
    assert.equal(inode.open(O_RDWR), ESTALE);
    assert.equal(inode.setAttributes({ size: 0 }), ESTALE);
    assert.equal(readFileSync(join(dir, 'secret'), 'utf8'), 'secret');
  });

  test('a directory that becomes a link after it was looked up is not followed', () => {
    const { dir, inside, tree } = withSecret('swapdir');
    const fs = onPath(inside, { readOnly: false, maxCachedFds: 1 });
    const sub = fs.at('/sub') as Inode;
    fs.mkdir('/other');
    fs.list('/other');
    (fs.fs as HostFs).fds.clear();
    renameSync(join(inside, 'sub'), join(inside, 'away'));
    symlinkSync(dir, join(inside, 'sub'));
    assert.ok(isErr(sub.lookup('secret')));
    assert.equal(tree.at('/sub/secret'), ENOENT);
    assert.ok([ENOENT, ELOOP].includes(tree.read('/sub/secret') as typeof ENOENT));
  });

  test('a race of renames: the file or an error, never the secret', () => {
    const { dir, inside, tree } = withSecret('race');
    mkdirSync(join(inside, 'd'));
    writeFileSync(join(inside, 'd', 'secret'), 'public');
    symlinkSync(dir, join(inside, 'evil'));
    // A host process exchanges the directory and the link as fast as it can, a bounded number of times.
    const script = `i=0; while [ $i -lt 300 ]; do mv -T d t; mv -T evil d; mv -T d evil; mv -T t d; i=$((i+1)); done`;
    const racer = execRace(script, inside);
    let seen = 0;
    for (let i = 0; i < 20_000 && !(racer.done() && i > 2000); i++) {
      const text = tree.read('/d/secret');
      if (isErr(text)) continue;
      assert.equal(text, 'public');
      seen++;
    }
    racer.wait();
    assert.ok(seen > 0);
  });

  test('the root itself may be renamed', () => {
    const { dir, inside, tree } = withSecret('rootmove');
    renameSync(inside, join(dir, 'elsewhere'));
    mkdirSync(inside);
    writeFileSync(join(inside, 'ok'), 'another');
    assert.equal(tree.read('/ok'), 'ok');
    assert.equal(tree.write('/new', 'x'), 1);
    assert.ok(existsSync(join(dir, 'elsewhere', 'new')));
    assert.equal(existsSync(join(inside, 'new')), false);
  });

  test('a hard link to what lies outside cannot be made', () => {
    const { dir, tree } = withSecret('hardlink');
    const outside = onPath(dir, { readOnly: false });
    assert.equal((tree.at('/') as Inode).link('stolen', outside.at('/secret') as Inode), EXDEV);
  });
});

/** Runs a shell script beside us; `done` asks the host, since no event is served meanwhile. */
function execRace(script: string, cwd: string): { done: () => boolean; wait: () => void } {
  const marker = join(base, 'race-done');
  rmSync(marker, { force: true });
  execFileSync('sh', ['-c', `cd '${cwd}' && { (${script}; : > '${marker}') >/dev/null 2>&1 & }`]);
  const done = (): boolean => existsSync(marker);
  return {
    done,
    wait: () => {
      for (let i = 0; i < 3000 && !done(); i++) execFileSync('sleep', ['0.01']);
      assert.ok(done(), 'the racing script ended');
    },
  };
}

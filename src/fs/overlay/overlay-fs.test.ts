/** Overlays: directories and renames, what the host goes on changing, special files, and the same commands on the host. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY } from '../../abi/errno.js';
import { O_APPEND, O_DIRECTORY, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/fcntl.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../abi/fs.js';
import { S_IFIFO, S_IFMT } from '../../abi/stat.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { Inode } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { HostFs } from '../hostfs/host-fs.js';
import { readAll, testClock, testMemory, TestTree, writeText } from '../tree-for-tests.js';
import { OverlayFs } from './overlay-fs.js';
import { base, changesOf, fillUsual, hostDirectory, lowerOf, newUpper, opened, overlayOn, snapshot, stat } from './overlay-for-tests.js';

describe('directories', () => {
  test('removed and made again: nothing of the lower one shows', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    assert.equal(tree.rmdir('/d'), ENOTEMPTY);
    for (const path of ['/d/g', '/d/f2', '/d/inner/h']) assert.equal(tree.unlink(path), 0);
    assert.equal(tree.rmdir('/d/inner'), 0);
    assert.equal(tree.rmdir('/d'), 0);
    assert.equal(tree.list('/d'), ENOENT);
    assert.equal(tree.mkdir('/d'), 0);
    assert.deepEqual(tree.list('/d'), []);
    assert.equal(tree.read('/d/g'), ENOENT);
    assert.equal(stat(tree, '/d').nlink, 2);
  });

  test('a lower directory moves with all that is in it', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    assert.equal(tree.write('/d/g', 'changed', O_WRONLY), 7);
    assert.equal(tree.write('/d/new', 'new'), 3);
    assert.equal(tree.rename('/d', '/empty/e'), 0);
    assert.equal(tree.read('/d/g'), ENOENT);
    assert.deepEqual(tree.list('/empty/e'), ['f2', 'g', 'inner', 'new']);
    assert.equal(tree.read('/empty/e/g'), 'changed');
    assert.equal(tree.read('/empty/e/inner/h'), 'lower h');
    assert.equal(tree.write('/empty/e/inner/h', 'x', O_WRONLY), 1);
    assert.equal(tree.read('/empty/e/inner/h'), 'xower h');
    assert.equal(tree.mkdir('/d'), 0);
    assert.deepEqual(tree.list('/d'), []);
    assert.deepEqual(changesOf(tree), [
      'added /empty/e',
      'added /empty/e/f2',
      'added /empty/e/g',
      'added /empty/e/inner',
      'added /empty/e/inner/h',
      'added /empty/e/new',
      'modified /d',
    ]);
  });

  test('renames that must fail', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    assert.equal(tree.rename('/d', '/d/inner/x'), EINVAL);
    assert.equal(tree.rename('/empty', '/d'), ENOTEMPTY);
    assert.equal(tree.rename('/f', '/d'), EISDIR);
    assert.equal(tree.rename('/d', '/f'), ENOTDIR);
    assert.equal(tree.rename('/f', '/big', RENAME_NOREPLACE), EEXIST);
    assert.equal(tree.rename('/f', '/none', RENAME_EXCHANGE), ENOENT);
    assert.equal(tree.rename('/none', '/x'), ENOENT);
    assert.equal(tree.rename('/f', '/d/f2'), 0, 'two names of one file: nothing happens');
    assert.deepEqual(tree.list('/'), ['big', 'd', 'empty', 'f', 'link']);
  });

  test('exchange', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    assert.equal(tree.rename('/f', '/d', RENAME_EXCHANGE), 0);
    assert.equal(tree.read('/d'), 'lower f');
    assert.equal(tree.read('/f/inner/h'), 'lower h');
    assert.equal(tree.rename('/f', '/d', RENAME_EXCHANGE), 0);
    assert.equal(tree.read('/d/inner/h'), 'lower h');
    assert.deepEqual(changesOf(tree), []);
  });

  test('links are counted', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    const links = stat(tree, '/').nlink;
    tree.mkdir('/n');
    assert.equal(stat(tree, '/').nlink, links + 1);
    tree.rename('/d', '/n/d');
    assert.equal(stat(tree, '/').nlink, links);
    assert.equal(stat(tree, '/n').nlink, 3);
    tree.rmdir('/empty');
    assert.equal(stat(tree, '/').nlink, links - 1);
  });

  test('removing while listing skips nothing', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `a-name-of-some-length-${i}`);
    const tree = overlayOn(hostDirectory((dir) => names.forEach((name) => void writeFileSync(join(dir, name), ''))));
    const file = opened(tree, '/', O_RDONLY | O_DIRECTORY);
    let from = 0;
    for (let round = 0; round < 400; round++) {
      const batch: string[] = [];
      file.readDirectory(from, (entry, next) => {
        if (batch.length === 7) return false;
        batch.push(entry.name);
        from = next;
        return true;
      });
      if (batch.length === 0) break;
      for (const name of batch) if (name !== '.' && name !== '..') assert.equal(tree.unlink(`/${name}`), 0);
    }
    dropFile(file);
    assert.deepEqual(tree.list('/'), []);
  });

  test('inode numbers of a listing are those of stat', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    tree.write('/d/new', 'x');
    tree.write('/d/g', 'x', O_WRONLY);
    for (const path of ['/', '/d']) {
      const file = opened(tree, path, O_RDONLY | O_DIRECTORY);
      file.readDirectory(0, ({ name, ino, type }) => {
        const there = stat(tree, `${path}/${name}`);
        assert.equal(ino, there.ino, `${path}/${name}`);
        assert.equal(type, (there.mode & S_IFMT) >> 12);
        return true;
      });
      dropFile(file);
    }
  });

  test('several layers: the upper name wins, directories merge', () => {
    const top = hostDirectory((dir) => {
      mkdirSync(join(dir, 'd'));
      writeFileSync(join(dir, 'd', 'g'), 'top g');
      writeFileSync(join(dir, 'd', 'only-top'), '');
      mkdirSync(join(dir, 'f'));
    });
    const tree = overlayOn(top, hostDirectory(fillUsual));
    assert.equal(tree.read('/d/g'), 'top g');
    assert.deepEqual(tree.list('/d'), ['f2', 'g', 'inner', 'only-top']);
    assert.deepEqual(tree.list('/f'), [], 'a directory covers a file');
    assert.equal(tree.read('/big')?.toString().length, 700_001);
    assert.equal(tree.unlink('/d/g'), 0);
    assert.equal(tree.read('/d/g'), ENOENT);
    assert.equal(tree.rename('/d', '/e'), 0);
    assert.equal(tree.read('/e/inner/h'), 'lower h');
  });
});

describe('a lower file or directory that the host goes on changing', () => {
  const liveOverlay = (path: string): TestTree & { fs: OverlayFs } => {
    const host = HostFs.open(path, { physmem: testMemory() });
    assert.ok(!isErr(host));
    return new TestTree(new OverlayFs([host as HostFs], newUpper(), testClock)) as TestTree & { fs: OverlayFs };
  };

  test('shows what is new, but never takes back what was changed above', () => {
    const dir = hostDirectory(fillUsual);
    const tree = liveOverlay(dir);
    assert.equal(tree.read('/f'), 'lower f');
    writeFileSync(join(dir, 'f'), 'edited on the host');
    writeFileSync(join(dir, 'later'), 'later');
    assert.equal(tree.read('/f'), 'edited on the host');
    assert.equal(tree.read('/later'), 'later');
    assert.equal(tree.write('/later', 'above'), 5);
    assert.equal(tree.unlink('/f'), 0);
    writeFileSync(join(dir, 'later'), 'host again');
    writeFileSync(join(dir, 'f'), 'host again');
    assert.equal(tree.read('/later'), 'above');
    assert.equal(tree.read('/f'), ENOENT);
    rmSync(join(dir, 'big'));
    assert.equal(tree.read('/big'), ENOENT);
    mkdirSync(join(dir, 'big'));
    assert.deepEqual(tree.list('/big'), []);
    assert.equal(readFileSync(join(dir, 'later'), 'utf8'), 'host again');
  });

  test('a single file', () => {
    const path = join(hostDirectory(fillUsual), 'f');
    const tree = liveOverlay(path);
    const file = tree.fs.root.open(O_RDWR) as OpenFile;
    assert.equal(readAll(file), 'lower f');
    assert.equal(writeText(file, 'UPPER', 0), 5);
    assert.equal(readAll(file), 'UPPER f');
    dropFile(file);
    assert.deepEqual(changesOf(tree), ['modified /']);
    assert.equal(readFileSync(path, 'utf8'), 'lower f');
  });
});

describe('special files and memory', () => {
  test('a FIFO made in the overlay is one, and its name can be replaced', () => {
    const tree = overlayOn(hostDirectory(fillUsual));
    assert.equal(tree.mknod('/d/fifo', S_IFIFO | 0o600), 0);
    assert.equal(stat(tree, '/d/fifo').mode & S_IFMT, S_IFIFO);
    assert.equal(tree.unlink('/d/fifo'), 0);
    assert.equal(tree.write('/d/fifo', 'file'), 4);
  });

  test('what is removed gives its memory back', () => {
    const upper = newUpper();
    const tree = new TestTree(new OverlayFs([lowerOf(hostDirectory(fillUsual))], upper, testClock));
    tree.mkdir('/x');
    tree.unlink('/x');
    const frames = testMemory().framesInUse;
    const inodes = upper.usedInodes;
    for (let i = 0; i < 20; i++) {
      assert.equal(tree.write('/x/file', 'y'.repeat(100_000)), 100_000);
      assert.equal(tree.rename('/x/file', '/x/other'), 0);
      assert.equal(tree.unlink('/x/other'), 0);
      assert.equal(tree.mkdir('/x/dir'), 0);
      assert.equal(tree.symlink('/x/dir/s', 't'), 0);
      assert.equal(tree.unlink('/x/dir/s'), 0);
      assert.equal(tree.rmdir('/x/dir'), 0);
      const unnamed = (tree.at('/x') as Inode).tmpfile({ mode: 0o100600, uid: 0, gid: 0, rdev: 0 }) as Inode;
      const file = unnamed.open(O_RDWR) as OpenFile;
      assert.equal(writeText(file, 'z'.repeat(9000), 0), 9000);
      dropFile(file);
    }
    assert.equal(upper.usedInodes, inodes);
    assert.equal(testMemory().framesInUse, frames);
  });
});

describe('against the host', () => {
  // The same random operations on an overlay and, through a writable hostfs, on a copy of its lower directory.
  const NAMES = ['a', 'b', 'c'];

  function randomOf(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
  }

  function fillRandom(dir: string): void {
    for (const one of ['a', 'b']) {
      mkdirSync(join(dir, one));
      for (const two of ['a', 'b']) {
        mkdirSync(join(dir, one, two));
        writeFileSync(join(dir, one, two, 'a'), `${one}${two}a`);
      }
      writeFileSync(join(dir, one, 'c'), `${one}c`);
    }
    linkSync(join(dir, 'a', 'c'), join(dir, 'c'));
    linkSync(join(dir, 'a', 'c'), join(dir, 'b', 'a', 'c'));
    symlinkSync('a/c', join(dir, 'b', 'b', 'c'));
  }

  function step(tree: TestTree, random: (below: number) => number): string {
    const path = (): string => Array.from({ length: 1 + random(3) }, () => `/${NAMES[random(3)]}`).join('');
    const kind = random(12);
    const [one, two, text] = [path(), path(), 'text'.repeat(random(5))];
    const small = random(10);
    switch (kind) {
      case 0:
        return `write ${one} ${String(tree.write(one, text))}`;
      case 1:
        return `append ${one} ${String(tree.write(one, text, O_WRONLY | O_APPEND))}`;
      case 2:
        return `mkdir ${one} ${tree.mkdir(one)}`;
      case 3:
        return `rmdir ${one} ${tree.rmdir(one)}`;
      case 4:
        return `unlink ${one} ${tree.unlink(one)}`;
      case 5:
      case 6:
        return `rename ${one} ${two} ${tree.rename(one, two)}`;
      case 7:
        return `exchange ${one} ${two} ${tree.rename(one, two, RENAME_EXCHANGE)}`;
      case 8:
        return `link ${one} ${two} ${tree.link(one, two)}`;
      case 9:
        return `symlink ${one} ${tree.symlink(one, two)}`;
      case 10:
        return `truncate ${one} ${tree.change(one, tree.stat(one) !== ENOENT && (tree.at(one) as Inode).size > 0 && !(tree.at(one) as Inode).isDirectory && !(tree.at(one) as Inode).isSymlink ? { size: small } : { mtime: { sec: small, nsec: 0 } })}`;
      default:
        return `chmod ${one} ${(tree.at(one) as Inode).isSymlink ? 0 : tree.change(one, { mode: 0o700 + small })}`;
    }
  }

  function describeTree(tree: TestTree, path: string, lines: string[], names: Map<number, string>): void {
    for (const name of tree.list(path || '/') as string[]) {
      const at = `${path}/${name}`;
      const { ino, mode, nlink, size } = stat(tree, at);
      const inode = tree.at(at) as Inode;
      const same = names.get(ino) ?? at;
      names.set(ino, same);
      if (inode.isDirectory) {
        lines.push(`${at} ${mode.toString(8)} ${nlink}`);
        describeTree(tree, at, lines, names);
      } else {
        const data = inode.isSymlink ? inode.readlink() : tree.read(at);
        lines.push(`${at} ${mode.toString(8)} ${nlink} ${size} ${same} ${String(data)}`);
      }
    }
  }

  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`seed ${seed}`, () => {
      const lower = hostDirectory(fillRandom);
      const copy = join(base, `copy-${seed}`);
      execFileSync('cp', ['-a', lower, copy]);
      const untouched = snapshot(lower);
      const overlay = overlayOn(lower);
      const host = HostFs.open(copy, { readOnly: false, physmem: testMemory() });
      assert.ok(!isErr(host));
      const model = new TestTree(host as HostFs);
      const [mine, theirs] = [randomOf(seed), randomOf(seed)];
      const log: string[] = [];
      for (let i = 0; i < 1500; i++) {
        const expected = step(model, theirs);
        log.push(expected);
        assert.equal(step(overlay, mine), expected, `step ${i}: ${log.slice(-12).join('; ')}`);
        if (i % 100 !== 99) continue;
        const [got, wanted]: [string[], string[]] = [[], []];
        describeTree(overlay, '', got, new Map());
        describeTree(model, '', wanted, new Map());
        assert.deepEqual(got, wanted, `after step ${i}`);
      }
      assert.equal(snapshot(lower), untouched);
      assert.equal(readFileSync(join(lower, 'a', 'c'), 'utf8'), 'ac');
    });
  }
});

test('statfs: what the lower layer holds is in use, what the upper one can take is free', () => {
  const lower = newUpper(2 ** 20);
  assert.equal(new TestTree(lower).write('/f', 'x'.repeat(3 * 4096)), 3 * 4096);
  const tree = new TestTree(new OverlayFs([lower], newUpper(16 * 4096), testClock));
  const before = tree.fs.statistics();
  assert.deepEqual([before.blocks, before.blocksFree, before.files - before.filesFree], [16 + 3, 16, 3]);
  assert.equal(tree.write('/g', 'y'.repeat(4096)), 4096);
  assert.deepEqual([tree.fs.statistics().blocks, tree.fs.statistics().blocksFree], [16 + 3, 15]);
});

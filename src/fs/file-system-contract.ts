/**
 * The contract of file systems: what every writable one must do, run against each (tmpfs, overlay, hostfs), through the VFS as
 * system calls would. `make` gives an empty file system whose root belongs to root and has mode 0755.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isErr, type Errno } from '../base/brands.js';
import { EEXIST, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EOPNOTSUPP } from '../abi/errno.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../abi/fcntl.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, SEEK_DATA, SEEK_END, SEEK_HOLE } from '../abi/fs.js';
import { S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../abi/stat.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { dropFile } from '../vfs/fd-table.js';
import type { FileSystem } from '../vfs/file-system.js';
import type { InodeAttributes } from '../vfs/inode.js';
import type { OpenFile } from '../vfs/open-file.js';
import { pathString } from '../vfs/path.js';
import { readFile } from '../vfs/read-write.js';
import { readAll, TestTree, writeText } from './tree-for-tests.js';

/** What a file system is allowed to leave out. */
export interface ContractLimits {
  /** Tests (by name) that do not apply, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

function good<T>(value: T | Errno, what: string): T {
  assert.ok(!isErr(value), `${what}: ${String(value)}`);
  return value as T;
}

class Driver extends TestTree {
  opened(path: string, flags: number, mode = 0o644): OpenFile {
    return good(this.open(path, flags, mode), `open ${path}`);
  }
  attributes(path: string, follow = false): InodeAttributes {
    return good(this.stat(path, follow), `stat ${path}`);
  }
  put(path: string, text = ''): void {
    good(this.write(path, text), `write ${path}`);
  }
  ok(result: number, what: string): void {
    assert.equal(result, 0, what);
  }
}

function names(file: OpenFile, from: number, most: number): { names: string[]; next: number } {
  const found: string[] = [];
  let next = from;
  file.readDirectory(from, (entry, offset) => {
    if (found.length === most) return false;
    found.push(entry.name);
    next = offset;
    return true;
  });
  return { names: found, next };
}

const PATTERN = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7 + 13) % 251)).toString('latin1');

/** Runs the contract against `make`. */
export function fileSystemContract(name: string, make: () => FileSystem, limits: ContractLimits = {}): void {
  const check = (title: string, body: (tree: Driver) => void): void => {
    const reason = limits.skip?.[title];
    test(title, { skip: reason ?? false }, () => body(new Driver(make())));
  };

  describe(`${name}: names`, () => {
    check('a new file is empty, has one name and the mode asked for less umask', (t) => {
      dropFile(t.opened('/a', O_CREAT | O_EXCL | O_RDWR, 0o666));
      const a = t.attributes('/a');
      assert.deepEqual([a.mode, a.nlink, a.size, a.uid], [S_IFREG | 0o644, 1, 0, 0]);
    });
    check('O_EXCL fails on what exists, a dangling link included', (t) => {
      t.put('/a');
      t.ok(t.symlink('/dangling', 'nowhere'), 'symlink');
      assert.equal(t.open('/a', O_CREAT | O_EXCL | O_RDWR), EEXIST);
      assert.equal(t.open('/dangling', O_CREAT | O_EXCL | O_RDWR), EEXIST);
      assert.equal(t.stat('/nowhere'), ENOENT);
    });
    check('O_CREAT follows a dangling link and makes its target', (t) => {
      t.ok(t.symlink('/dangling', 'target'), 'symlink');
      dropFile(t.opened('/dangling', O_CREAT | O_WRONLY));
      assert.equal(t.attributes('/target').size, 0);
    });
    check('missing names and wrong types have their errors', (t) => {
      t.put('/f');
      t.ok(t.mkdir('/d'), 'mkdir');
      assert.equal(t.open('/none', O_RDONLY), ENOENT);
      assert.equal(t.open('/f/x', O_RDONLY), ENOTDIR);
      assert.equal(t.open('/f/', O_RDONLY), ENOTDIR);
      assert.equal(t.open('/d', O_WRONLY), EISDIR);
      assert.equal(t.open('/d', O_CREAT | O_RDONLY), EISDIR);
      assert.equal(t.open('/f', O_RDONLY | O_DIRECTORY), ENOTDIR);
      assert.equal(t.open(`/${'n'.repeat(256)}`, O_CREAT | O_RDWR), ENAMETOOLONG);
      assert.equal(t.mkdir('/d'), EEXIST);
      assert.equal(t.mkdir('/f'), EEXIST);
      assert.equal(t.mkdir('/none/d'), ENOENT);
      assert.equal(t.unlink('/d'), EISDIR);
      assert.equal(t.unlink('/none'), ENOENT);
      assert.equal(t.rmdir('/f'), ENOTDIR);
      assert.equal(t.rmdir('/none'), ENOENT);
    });
    check('a name of 255 bytes works, and bytes of names are kept', (t) => {
      const long = 'x'.repeat(255);
      t.put(`/${long}`, 'long');
      t.put('/\xff\x80 \n', 'odd');
      assert.equal(t.read(`/${long}`), 'long');
      assert.deepEqual(t.list('/'), [long, '\xff\x80 \n'].sort());
    });
    check('directories count their children', (t) => {
      const before = t.attributes('/').nlink;
      t.ok(t.mkdir('/d'), 'mkdir');
      t.ok(t.mkdir('/d/e'), 'mkdir');
      t.put('/d/f');
      assert.deepEqual([t.attributes('/d').nlink, t.attributes('/').nlink - before], [3, 1]);
      assert.equal(t.rmdir('/d'), ENOTEMPTY);
      t.ok(t.unlink('/d/f'), 'unlink');
      t.ok(t.rmdir('/d/e'), 'rmdir');
      t.ok(t.rmdir('/d'), 'rmdir');
      assert.equal(t.stat('/d'), ENOENT);
      assert.equal(t.attributes('/').nlink, before);
    });
    check('hard links share data, and the last unlink ends the file', (t) => {
      t.put('/a', 'one');
      t.ok(t.link('/a', '/b'), 'link');
      assert.equal(t.attributes('/a').nlink, 2);
      assert.equal(t.attributes('/a').ino, t.attributes('/b').ino);
      t.put('/b', 'two');
      assert.equal(t.read('/a'), 'two');
      assert.equal(t.link('/a', '/b'), EEXIST);
      t.ok(t.unlink('/a'), 'unlink');
      assert.equal(t.attributes('/b').nlink, 1);
      t.ok(t.mkdir('/d'), 'mkdir');
      assert.ok(isErr(t.link('/d', '/e')));
    });
    check('symbolic links keep their text and are followed', (t) => {
      t.ok(t.mkdir('/d'), 'mkdir');
      t.put('/d/f', 'there');
      t.ok(t.symlink('/l', 'd/f'), 'symlink');
      t.ok(t.symlink('/dl', '/d/'), 'symlink');
      t.ok(t.symlink('/loop', 'loop'), 'symlink');
      assert.equal(t.readlink('/l'), 'd/f');
      assert.equal(t.read('/l'), 'there');
      assert.equal(t.read('/dl/f'), 'there');
      assert.equal(t.attributes('/l').mode & S_IFMT, S_IFLNK);
      assert.equal(t.attributes('/l').size, 3);
      assert.equal(t.attributes('/l', true).mode & S_IFMT, S_IFREG);
      assert.equal(t.open('/l', O_RDONLY | O_NOFOLLOW), ELOOP);
      assert.equal(t.open('/loop', O_RDONLY), ELOOP);
      assert.equal(t.symlink('/l', 'x'), EEXIST);
      assert.equal(t.readlink('/d/f'), EINVAL);
    });
    check('FIFOs and sockets have their types', (t) => {
      t.ok(t.mknod('/p', S_IFIFO | 0o600), 'mknod');
      t.ok(t.mknod('/s', S_IFSOCK | 0o777), 'mknod');
      assert.equal(t.attributes('/p').mode, S_IFIFO | 0o600);
      assert.equal(t.attributes('/s').mode & S_IFMT, S_IFSOCK);
    });
  });

  describe(`${name}: rename`, () => {
    check('moves files and directories, and replaces what may be replaced', (t) => {
      t.ok(t.mkdir('/d'), 'mkdir');
      t.ok(t.mkdir('/e'), 'mkdir');
      t.put('/a', 'a');
      t.put('/d/b', 'b');
      t.ok(t.rename('/a', '/d/b'), 'file over file');
      assert.equal(t.read('/d/b'), 'a');
      assert.equal(t.stat('/a'), ENOENT);
      t.ok(t.rename('/d', '/e'), 'directory over empty directory');
      assert.equal(t.read('/e/b'), 'a');
      assert.equal(t.stat('/d'), ENOENT);
      assert.deepEqual(t.list('/'), ['e']);
    });
    check('refuses what Linux refuses', (t) => {
      t.ok(t.mkdir('/d'), 'mkdir');
      t.ok(t.mkdir('/d/e'), 'mkdir');
      t.put('/f');
      assert.equal(t.rename('/d', '/d/e/x'), EINVAL);
      assert.equal(t.rename('/d/e', '/d'), ENOTEMPTY);
      assert.equal(t.rename('/d/e', '/f'), ENOTDIR);
      assert.equal(t.rename('/f', '/d/e'), EISDIR);
      assert.equal(t.rename('/none', '/x'), ENOENT);
      assert.equal(t.rename('/f', '/d/e/..'), -16);
      assert.equal(t.rename('/f', '/d', RENAME_NOREPLACE), EEXIST);
      assert.equal(t.rename('/f', '/g/'), ENOTDIR);
    });
    check('between two names of one file does nothing', (t) => {
      t.put('/a', 'same');
      t.ok(t.link('/a', '/b'), 'link');
      t.ok(t.rename('/a', '/b'), 'rename');
      assert.deepEqual(t.list('/'), ['a', 'b']);
    });
    check('exchanges two names', (t) => {
      t.put('/a', 'file');
      t.ok(t.mkdir('/d'), 'mkdir');
      t.put('/d/x', 'x');
      t.ok(t.rename('/a', '/d', RENAME_EXCHANGE), 'exchange');
      assert.equal(t.read('/d'), 'file');
      assert.equal(t.read('/a/x'), 'x');
      assert.equal(t.rename('/a', '/none', RENAME_EXCHANGE), ENOENT);
    });
    check('leaves open files and their paths right', (t) => {
      t.ok(t.mkdir('/d'), 'mkdir');
      t.put('/a', 'text');
      const file = t.opened('/a', O_RDONLY);
      t.ok(t.rename('/a', '/d/b'), 'rename');
      assert.equal(pathString(file.path!, t.root), '/d/b');
      t.ok(t.unlink('/d/b'), 'unlink');
      assert.equal(pathString(file.path!, t.root), '/d/b (deleted)');
      assert.equal(readAll(file), 'text');
      dropFile(file);
    });
  });

  describe(`${name}: data`, () => {
    check('what is written is read, at any offset', (t) => {
      const file = t.opened('/f', O_CREAT | O_RDWR);
      assert.equal(writeText(file, PATTERN, 5000), PATTERN.length);
      assert.equal(readAll(file), '\0'.repeat(5000) + PATTERN);
      assert.equal(writeText(file, 'xyz', 4095), 3);
      assert.equal(readAll(file, 4090), '\0'.repeat(5) + 'xyz' + '\0'.repeat(902) + PATTERN);
      assert.equal(t.attributes('/f').size, 15_000);
      assert.equal(readFile(file, new KernelIoVec(new Uint8Array(10)), 15_000), 0);
      assert.equal(readFile(file, new KernelIoVec(new Uint8Array(10)), 2 ** 40), 0);
      dropFile(file);
    });
    check('the position moves with read and write, and O_APPEND writes at the end', (t) => {
      const file = t.opened('/f', O_CREAT | O_RDWR);
      writeText(file, 'hello ');
      writeText(file, 'world');
      assert.equal(file.position, 11);
      const other = t.opened('/f', O_WRONLY | O_APPEND);
      writeText(other, '!');
      assert.equal(t.read('/f'), 'hello world!');
      assert.equal(file.seek(-5, SEEK_END), 7);
      assert.equal(file.seek(-1, 0), EINVAL);
      dropFile(file);
      dropFile(other);
    });
    check('truncation cuts and grows with zeros', (t) => {
      t.put('/f', PATTERN);
      t.ok(t.change('/f', { size: 4000 }) as number, 'cut');
      t.ok(t.change('/f', { size: 9000 }) as number, 'grow');
      assert.equal(t.read('/f'), PATTERN.slice(0, 4000) + '\0'.repeat(5000));
      dropFile(t.opened('/f', O_WRONLY | O_TRUNC));
      assert.equal(t.attributes('/f').size, 0);
    });
    check('an unlinked file lives until it is closed', (t) => {
      const file = t.opened('/f', O_CREAT | O_RDWR);
      writeText(file, 'alive');
      t.ok(t.unlink('/f'), 'unlink');
      t.put('/f', 'another');
      assert.equal(readAll(file), 'alive');
      writeText(file, '!');
      assert.equal(readAll(file), 'alive!');
      assert.equal(t.read('/f'), 'another');
      dropFile(file);
    });
    check('sparse files tell data from holes', (t) => {
      const file = t.opened('/f', O_CREAT | O_RDWR);
      writeText(file, 'data', 1 << 20);
      assert.equal(file.seek(0, SEEK_DATA), 1 << 20);
      assert.equal(file.seek(0, SEEK_HOLE), 0);
      assert.equal(file.seek(1 << 20, SEEK_HOLE), (1 << 20) + 4);
      assert.equal(file.seek((1 << 20) + 4, SEEK_DATA), -6);
      dropFile(file);
    });
    check('fallocate grows, and punches holes', (t) => {
      const file = t.opened('/f', O_CREAT | O_RDWR);
      writeText(file, PATTERN);
      assert.equal(file.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 8000), 0);
      assert.equal(readAll(file), PATTERN.slice(0, 100) + '\0'.repeat(8000) + PATTERN.slice(8100));
      assert.equal(file.allocate(FALLOC_FL_KEEP_SIZE, 0, 50_000), 0);
      assert.equal(file.inode.size, PATTERN.length);
      assert.equal(file.allocate(0, 0, 50_000), 0);
      assert.equal(file.inode.size, 50_000);
      dropFile(file);
    });
    check('O_TMPFILE makes a file without a name', (t) => {
      const file = t.open('/', O_TMPFILE | O_RDWR);
      if (file === EOPNOTSUPP) return;
      writeText(good(file, 'tmpfile'), 'nameless');
      assert.equal(readAll(file as OpenFile), 'nameless');
      assert.deepEqual(t.list('/'), []);
      dropFile(file as OpenFile);
    });
  });

  describe(`${name}: attributes`, () => {
    check('mode and times change, ctime follows', (t) => {
      t.put('/f');
      t.ok(t.change('/f', { mode: 0o4751 }) as number, 'chmod');
      assert.equal(t.attributes('/f').mode, S_IFREG | 0o4751);
      t.ok(t.change('/f', { atime: { sec: 11, nsec: 22 }, mtime: { sec: 33, nsec: 999_999_999 } }) as number, 'utimes');
      const a = t.attributes('/f');
      assert.deepEqual(
        [a.atime, a.mtime],
        [
          { sec: 11, nsec: 22 },
          { sec: 33, nsec: 999_999_999 },
        ],
      );
      assert.ok(a.ctime.sec > 1_500_000_000);
    });
    check('writing moves mtime', (t) => {
      t.put('/f');
      t.ok(t.change('/f', { mtime: { sec: 1, nsec: 0 } }) as number, 'utimes');
      writeAndDrop(t, '/f', 'x');
      assert.ok(t.attributes('/f').mtime.sec > 1);
    });
    check('a change in a directory moves its mtime', (t) => {
      t.ok(t.mkdir('/d'), 'mkdir');
      for (const act of [() => t.put('/d/f'), () => t.unlink('/d/f'), () => t.mkdir('/d/g'), () => t.rename('/d/g', '/g')]) {
        t.ok(t.change('/d', { mtime: { sec: 1, nsec: 0 } }) as number, 'utimes');
        act();
        assert.ok(t.attributes('/d').mtime.sec > 1);
      }
    });
    check('inode numbers differ and stay', (t) => {
      t.put('/a');
      t.put('/b');
      const { ino } = t.attributes('/a');
      assert.notEqual(ino, t.attributes('/b').ino);
      t.ok(t.rename('/a', '/c'), 'rename');
      assert.equal(t.attributes('/c').ino, ino);
    });
  });

  describe(`${name}: listing`, () => {
    check("begins with '.' and '..', and has each name once with number and type", (t) => {
      t.put('/f');
      t.ok(t.mkdir('/d'), 'mkdir');
      t.ok(t.symlink('/l', 'f'), 'symlink');
      const file = t.opened('/', O_RDONLY | O_DIRECTORY);
      const found: [string, number, number][] = [];
      file.readDirectory(0, (entry) => found.push([entry.name, entry.ino, entry.type]) > 0);
      dropFile(file);
      assert.deepEqual(
        found.slice(0, 2).map(([entry]) => entry),
        ['.', '..'],
      );
      const rest = found.slice(2).sort();
      assert.deepEqual(rest, [
        ['d', t.attributes('/d').ino, 4],
        ['f', t.attributes('/f').ino, 8],
        ['l', t.attributes('/l').ino, 10],
      ]);
    });
    check('goes on from any offset, while names come and go', (t) => {
      const all = Array.from({ length: 300 }, (_, i) => `n${i}`);
      for (const entry of all) t.put(`/${entry}`);
      const file = t.opened('/', O_RDONLY | O_DIRECTORY);
      const seen: string[] = [];
      let from = 0;
      for (let round = 0; ; round++) {
        const part = names(file, from, 7);
        if (part.names.length === 0) break;
        seen.push(...part.names);
        from = part.next;
        // What was listed may go; what was not yet must stay listed, once.
        const gone = part.names.find((entry) => entry.startsWith('n'));
        if (gone) t.ok(t.unlink(`/${gone}`), 'unlink');
        if (round < 30) t.put(`/new${round}`);
      }
      dropFile(file);
      assert.deepEqual(seen.filter((entry) => entry.startsWith('n') && !entry.startsWith('new')).sort(), all.sort());
      assert.equal(new Set(seen).size, seen.length);
    });
    check('can begin anew', (t) => {
      t.put('/a');
      const file = t.opened('/', O_RDONLY | O_DIRECTORY);
      assert.deepEqual(names(file, 0, 9).names, ['.', '..', 'a']);
      t.put('/b');
      assert.deepEqual(names(file, 0, 9).names.sort(), ['.', '..', 'a', 'b']);
      dropFile(file);
    });
  });
}

function writeAndDrop(tree: Driver, path: string, text: string): void {
  const file = tree.opened(path, O_WRONLY);
  writeText(file, text);
  dropFile(file);
}

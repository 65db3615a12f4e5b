/** Files of the host through hostfs; host-fs-escape.test.ts has the attempts to get out of it. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isErr } from '../../base/brands.js';
import { EACCES, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EROFS } from '../../abi/errno.js';
import { O_APPEND, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../../abi/fcntl.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFSOCK } from '../../abi/stat.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import type { Mappable } from '../../mm/page-cache.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { Inode, InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { readAll, writeText } from '../tree-for-tests.js';
import { HostFs } from './host-fs.js';
import { base, hostFds, onDirectory, onPath, opened } from './host-fs-for-tests.js';

describe('reading', () => {
  test("contents, attributes and names are the host's", () => {
    const { dir, tree } = onDirectory('plain', {}, (at) => {
      writeFileSync(join(at, 'small'), 'hello');
      writeFileSync(join(at, 'large'), Buffer.alloc(300_000, 'abc'));
      writeFileSync(join(at, 'empty'), '');
      mkdirSync(join(at, 'sub'));
      linkSync(join(at, 'small'), join(at, 'sub', 'again'));
      symlinkSync('sub/again', join(at, 'link'));
    });
    assert.equal(tree.read('/small'), 'hello');
    assert.equal(tree.read('/link'), 'hello');
    assert.equal(tree.read('/empty'), '');
    assert.equal(tree.read('/large'), readFileSync(join(dir, 'large'), 'latin1'));
    assert.deepEqual(tree.list('/'), ['empty', 'large', 'link', 'small', 'sub']);
    assert.equal(tree.readlink('/link'), 'sub/again');
    const host = statSync(join(dir, 'small'), { bigint: true });
    const guest = tree.stat('/small') as InodeAttributes;
    assert.equal(guest.ino, Number(host.ino));
    assert.equal(guest.mode, Number(host.mode));
    assert.equal(guest.nlink, 2);
    assert.equal(guest.mtime.sec, Math.floor(Number(host.mtimeNs / 1_000_000_000n)));
    assert.equal(guest.mtime.nsec, Number(host.mtimeNs % 1_000_000_000n));
    assert.equal(tree.at('/small'), tree.at('/sub/again'), 'hard links are one inode');
  });

  test('errors', () => {
    const { tree } = onDirectory('errors', {}, (at) => writeFileSync(join(at, 'file'), 'x'));
    assert.equal(tree.read('/nothing'), ENOENT);
    assert.equal(tree.read('/file/below'), ENOTDIR);
    assert.equal(tree.read('/'), EISDIR);
    assert.equal(tree.open('/file', O_RDONLY | O_DIRECTORY), ENOTDIR);
    assert.equal(isErr((tree.at('/') as Inode).lookup('x'.repeat(256))), true);
    for (const name of ['..', '.', '', 'a/b', 'a\0b']) assert.equal((tree.at('/') as Inode).lookup(name), EINVAL, JSON.stringify(name));
  });

  test('a single file as the root', () => {
    const path = join(base, 'single');
    writeFileSync(path, 'only me');
    const fs = HostFs.open(path) as HostFs;
    const file = fs.root.open(O_RDONLY) as OpenFile;
    assert.equal(readAll(file), 'only me');
    dropFile(file);
  });

  test('a listing of many names has each once, whatever the size of the pieces', () => {
    const names = Array.from({ length: 3000 }, (_, i) => `name-${i}-${'x'.repeat(i % 40)}`);
    const { tree } = onDirectory('many', {}, (at) => names.forEach((name) => void writeFileSync(join(at, name), '')));
    for (const piece of [1, 7, 1000]) {
      const file = opened(tree, '/', O_RDONLY | O_DIRECTORY);
      const seen: string[] = [];
      for (let from = 0, before = -1; before !== seen.length; ) {
        before = seen.length;
        let left = piece;
        file.readDirectory(from, (entry, next) => {
          if (left-- === 0) return false;
          seen.push(entry.name);
          from = next;
          return true;
        });
      }
      dropFile(file);
      assert.deepEqual(seen.sort(), ['.', '..', ...names].sort(), `pieces of ${piece}`);
    }
  });

  test('seeking in a listing goes back to the same entry', () => {
    const { tree } = onDirectory('seek', {}, (at) => {
      for (let i = 0; i < 2500; i++) writeFileSync(join(at, `entry-with-a-long-name-${i}`), '');
    });
    const file = opened(tree, '/', O_RDONLY | O_DIRECTORY);
    const order: string[] = [];
    file.readDirectory(0, (entry) => order.push(entry.name) > 0);
    for (const at of [2400, 3, 1200, 0, 2501]) {
      let first = '';
      file.readDirectory(at, (entry) => {
        first = entry.name;
        return false;
      });
      assert.equal(first, order[at]);
    }
    dropFile(file);
  });

  test('a listing that has come to its end is at its end, until it begins again and shows what is new', () => {
    const { dir, tree } = onDirectory('ended', {}, (at) => writeFileSync(join(at, 'first'), ''));
    const file = opened(tree, '/', O_RDONLY | O_DIRECTORY);
    let last = 0;
    const list = (from: number): string[] => {
      const names: string[] = [];
      file.readDirectory(from, (entry, next) => {
        last = next;
        return names.push(entry.name) > 0;
      });
      return names;
    };
    assert.deepEqual(list(0), ['.', '..', 'first']);
    assert.deepEqual(list(last), []);
    writeFileSync(join(dir, 'second'), '');
    assert.deepEqual(list(2), ['first']);
    assert.deepEqual(list(0).sort(), ['.', '..', 'first', 'second']);
    assert.deepEqual(list(last), []);
    rmSync(join(dir, 'first'));
    rmSync(join(dir, 'second'));
    assert.deepEqual(list(0), ['.', '..']);
    assert.deepEqual(list(2), []);
    writeFileSync(join(dir, 'third'), '');
    assert.deepEqual(list(0), ['.', '..', 'third']);
    dropFile(file);
  });

  test('names that are not UTF-8 come through', () => {
    const { tree } = onDirectory('bytes', { readOnly: false });
    assert.equal(tree.write('/\xff\xfe', 'x'), 1);
    assert.deepEqual(tree.list('/'), ['\xff\xfe']);
    assert.equal(tree.read('/\xff\xfe'), 'x');
  });

  test('the owner is mapped', () => {
    const host = { hostUid: process.getuid!(), hostGid: process.getgid!() };
    const { tree } = onDirectory('owner', { mapOwner: { ...host, uid: 1234, gid: 5678 } }, (at) => writeFileSync(join(at, 'f'), ''));
    const { uid, gid } = tree.stat('/f') as InodeAttributes;
    assert.deepEqual([uid, gid], [1234, 5678]);
  });
});

test('what is made belongs to its maker, symbolic links too', {
  skip: process.getuid!() === 0 ? false : 'only root may give files away',
}, () => {
  const { tree } = onDirectory('maker', { readOnly: false });
  const root = tree.at('/') as Inode;
  const maker = { uid: 1234, gid: 5678, rdev: 0 };
  assert.ok(!isErr(root.create('f', { ...maker, mode: 0o100644 })));
  assert.ok(!isErr(root.mkdir('d', { ...maker, mode: 0o40755 })));
  assert.ok(!isErr(root.symlink('l', 'f', { ...maker, mode: 0o120777 })));
  for (const path of ['/f', '/d', '/l']) {
    const { uid, gid } = tree.stat(path) as InodeAttributes;
    assert.deepEqual([path, uid, gid], [path, 1234, 5678]);
  }
});

describe('read-only', () => {
  test('every change is refused and nothing changes', () => {
    const { dir, tree } = onDirectory('readonly', {}, (at) => {
      writeFileSync(join(at, 'f'), 'keep');
      mkdirSync(join(at, 'd'));
    });
    assert.equal(tree.write('/f', 'x'), EROFS);
    assert.equal(tree.write('/new', 'x'), EROFS);
    assert.equal(tree.mkdir('/e'), EROFS);
    assert.equal(tree.symlink('/s', 'f'), EROFS);
    assert.equal(tree.unlink('/f'), EROFS);
    assert.equal(tree.rmdir('/d'), EROFS);
    assert.equal(tree.rename('/f', '/g'), EROFS);
    // The inodes themselves refuse as well, should somebody forget to ask.
    const root = tree.at('/') as Inode;
    const attributes = { mode: 0o100644, uid: 0, gid: 0, rdev: 0 };
    assert.equal(root.create('n', attributes), EROFS);
    assert.equal(root.mkdir('n', attributes), EROFS);
    assert.equal(root.symlink('n', 'f', attributes), EROFS);
    assert.equal(root.link('n', tree.at('/f') as Inode), EROFS);
    assert.equal(root.unlink('f'), EROFS);
    assert.equal(root.rmdir('d'), EROFS);
    assert.equal(root.rename('f', root, 'g', 0), EROFS);
    const file = tree.at('/f') as Inode;
    assert.equal(file.setAttributes({ size: 0 }), EROFS);
    assert.equal(file.setAttributes({ mode: 0 }), EROFS);
    assert.equal(file.setXattr('user.a', new Uint8Array(1), 0), EROFS);
    assert.equal(file.removeXattr('user.a'), EROFS);
    assert.equal(file.open(O_RDWR), EROFS);
    assert.equal(readFileSync(join(dir, 'f'), 'utf8'), 'keep');
    assert.ok(existsSync(join(dir, 'd')));
  });
});

describe('changes', () => {
  test('what the guest does is on the host', () => {
    const { dir, tree } = onDirectory('changes', { readOnly: false });
    assert.equal(tree.write('/f', 'hello'), 5);
    assert.equal(readFileSync(join(dir, 'f'), 'utf8'), 'hello');
    assert.equal(tree.write('/f', ' world', O_WRONLY | O_APPEND), 6);
    assert.equal(tree.read('/f'), 'hello world');
    assert.equal(tree.mkdir('/d', 0o777), 0);
    assert.equal(statSync(join(dir, 'd')).mode & 0o7777, 0o755);
    assert.equal(tree.symlink('/d/s', '../f'), 0);
    assert.equal(readlinkSync(join(dir, 'd', 's')), '../f');
    assert.equal(tree.read('/d/s'), 'hello world');
    assert.equal(tree.link('/f', '/d/hard'), 0);
    assert.equal(statSync(join(dir, 'f')).nlink, 2);
    assert.equal(tree.rename('/f', '/d/moved'), 0);
    assert.deepEqual(tree.list('/'), ['d']);
    assert.deepEqual(tree.list('/d'), ['hard', 'moved', 's']);
    assert.equal(tree.rmdir('/d'), ENOTEMPTY);
    for (const name of ['hard', 'moved', 's']) assert.equal(tree.unlink(`/d/${name}`), 0);
    assert.equal(tree.rmdir('/d'), 0);
    assert.deepEqual(tree.list('/'), []);
  });

  test('attributes', () => {
    const { dir, tree } = onDirectory('attributes', { readOnly: false }, (at) => {
      writeFileSync(join(at, 'f'), '0123456789');
      symlinkSync('nowhere', join(at, 'l'));
    });
    assert.equal(tree.change('/f', { mode: 0o640 }), 0);
    assert.equal(statSync(join(dir, 'f')).mode & 0o7777, 0o640);
    assert.equal(tree.change('/f', { size: 4 }), 0);
    assert.equal(tree.read('/f'), '0123');
    assert.equal(tree.change('/f', { mtime: { sec: 1000, nsec: 5 } }), 0);
    assert.equal(statSync(join(dir, 'f'), { bigint: true }).mtimeNs, 1_000_000_000_005n);
    assert.equal((tree.stat('/f') as InodeAttributes).mtime.nsec, 5);
    assert.equal(tree.change('/l', { mtime: { sec: 77, nsec: 0 } }), 0);
    assert.equal(lstatSync(join(dir, 'l')).mtimeMs, 77_000);
    assert.equal(tree.change('/f', { mtime: { sec: -5, nsec: 1 } }), 0);
    assert.equal((tree.stat('/f') as InodeAttributes).mtime.sec, -5);
  });

  test('set-user-ID and set-group-ID never reach a host file', () => {
    const { dir, tree } = onDirectory('setid', { readOnly: false }, (at) => writeFileSync(join(at, 'f'), ''));
    assert.equal(tree.change('/f', { mode: 0o6755 }), 0);
    assert.equal(statSync(join(dir, 'f')).mode & 0o7777, 0o755);
    assert.ok(!isErr((tree.at('/') as Inode).create('g', { mode: 0o106755, uid: 0, gid: 0, rdev: 0 })));
    assert.equal(statSync(join(dir, 'g')).mode & 0o7777, 0o755);
  });

  test('an open file outlives its name, also for a second kind of access', () => {
    const { tree } = onDirectory('unlinked', { readOnly: false }, (at) => writeFileSync(join(at, 'f'), 'data'));
    const file = opened(tree, '/f', O_RDONLY);
    assert.equal(tree.unlink('/f'), 0);
    assert.equal(readAll(file), 'data');
    const again = file.inode.open(O_RDWR) as OpenFile;
    assert.equal(writeText(again, 'DATA', 0), 4);
    assert.equal(readAll(file), 'DATA');
    dropFile(again);
    dropFile(file);
    assert.equal(tree.read('/f'), ENOENT);
  });

  test('a directory is found again after the guest moved it, even when its descriptor was given back', () => {
    const { tree } = onDirectory('moved', { readOnly: false, maxCachedFds: 2 }, (at) => {
      mkdirSync(join(at, 'a', 'b', 'c'), { recursive: true });
      writeFileSync(join(at, 'a', 'b', 'c', 'f'), 'here');
      for (const name of ['x', 'y', 'z']) mkdirSync(join(at, name));
    });
    const inner = tree.at('/a/b/c') as Inode;
    assert.equal(tree.rename('/a', '/x/moved'), 0);
    for (const name of ['/x', '/y', '/z']) tree.list(name);
    const file = (inner.lookup('f') as Inode).open(O_RDONLY) as OpenFile;
    assert.equal(readAll(file), 'here');
    dropFile(file);
  });

  test('extended attributes of the user', (t) => {
    const { tree } = onDirectory('xattr', { readOnly: false }, (at) => writeFileSync(join(at, 'f'), ''));
    const file = tree.at('/f') as Inode;
    const set = file.setXattr('user.color', Buffer.from('red'), 0);
    if (isErr(set)) return t.skip(`the host has none here (${set})`);
    assert.deepEqual(file.listXattr(), ['user.color']);
    assert.equal(Buffer.from(file.getXattr('user.color') as Uint8Array).toString(), 'red');
    assert.ok(isErr(file.setXattr('trusted.overlay.opaque', Buffer.from('y'), 0)));
    assert.equal(file.removeXattr('user.color'), 0);
    assert.deepEqual(file.listXattr(), []);
  });
});

describe('host objects that are not files', () => {
  test('FIFOs, sockets and devices are shown and never opened on the host', () => {
    const { dir, tree } = onDirectory('special', { readOnly: false });
    assert.equal(tree.mknod('/fifo', S_IFIFO | 0o600), 0);
    assert.equal(tree.mknod('/sock', S_IFSOCK | 0o600), 0);
    assert.equal(lstatSync(join(dir, 'fifo')).isFIFO(), true);
    assert.equal((tree.stat('/fifo') as InodeAttributes).mode & S_IFMT, S_IFIFO);
    // Were it opened on the host, this would succeed: a FIFO opens for reading without a writer.
    const before = hostFds();
    const fifo = tree.open('/fifo', O_RDONLY | O_NONBLOCK);
    assert.equal(hostFds(), before);
    if (!isErr(fifo)) dropFile(fifo as OpenFile);
    assert.ok(isErr(tree.open('/sock', O_RDONLY)));
  });

  test('a device node of the host is not opened, and none is made', () => {
    const tree = onPath('/dev', { readOnly: false });
    assert.equal((tree.at('/null') as Inode).type, S_IFCHR);
    assert.equal(tree.open('/null', O_RDWR), EACCES);
    const { dir, tree: own } = onDirectory('nodes', { readOnly: false });
    assert.equal(own.mknod('/null', S_IFCHR | 0o666, 0x103), EPERM);
    assert.equal(own.mknod('/disk', S_IFBLK | 0o666, 0x800), EPERM);
    assert.equal(existsSync(join(dir, 'null')), false);
  });
});

describe("the host kernel's own file systems", () => {
  test('cannot be the root', () => {
    for (const path of ['/proc', '/proc/self', '/proc/self/mem', '/sys']) assert.equal(HostFs.open(path), EPERM, path);
  });

  test('are empty directories in a tree that holds them', () => {
    const tree = onPath('/', { readOnly: false });
    for (const path of ['/proc', '/sys', '/dev/pts']) {
      assert.deepEqual(tree.list(path), [], path);
      assert.equal(tree.read(`${path}/self/mem`), ENOENT);
    }
    assert.equal((tree.read('/etc/passwd') as string).length > 0, true);
  });
});

describe('coherence', () => {
  test('what the host changes shows at the next look', () => {
    const { dir, tree } = onDirectory('host-changes', {}, (at) => writeFileSync(join(at, 'f'), 'one'));
    assert.equal(tree.read('/f'), 'one');
    writeFileSync(join(dir, 'f'), 'second');
    assert.equal(tree.read('/f'), 'second');
    assert.equal((tree.stat('/f') as InodeAttributes).size, 6);
    writeFileSync(join(dir, 'g'), 'new');
    assert.deepEqual(tree.list('/'), ['f', 'g']);
    assert.equal(tree.read('/g'), 'new');
    rmSync(join(dir, 'g'));
    assert.equal(tree.read('/g'), ENOENT);
    rmSync(join(dir, 'f'));
    mkdirSync(join(dir, 'f'));
    assert.equal((tree.at('/f') as Inode).type, S_IFDIR);
  });

  const cached = (pages: Mappable, length: number): string => {
    const buffer = new Uint8Array(length);
    const moved = pages.cache.read(new KernelIoVec(buffer), 0);
    return Buffer.from(buffer.buffer, 0, Math.max(0, moved)).toString();
  };

  test("the page cache follows the guest's writes, and the host's from the next open on", () => {
    const { dir, tree } = onDirectory('cache', { readOnly: false }, (at) => writeFileSync(join(at, 'f'), 'aaaaaaaa'));
    const reader = opened(tree, '/f', O_RDONLY);
    const pages = reader.mappable() as Mappable;
    assert.equal(cached(pages, 100), 'aaaaaaaa');
    assert.equal(tree.write('/f', 'bb', O_WRONLY), 2);
    assert.equal(cached(pages, 100), 'bbaaaaaa');
    assert.equal(tree.write('/f', 'c'.repeat(10), O_WRONLY | O_APPEND), 10);
    assert.equal(cached(pages, 100), 'bbaaaaaacccccccccc');
    writeFileSync(join(dir, 'f'), 'from the host, longer than before');
    assert.equal(tree.read('/f'), 'from the host, longer than before');
    assert.equal(cached(pages, 100), 'from the host, longer than before');
    truncateSync(join(dir, 'f'), 4);
    assert.equal(tree.read('/f'), 'from');
    assert.equal(cached(pages, 100), 'from');
    dropFile(reader);
  });

  test('a file that may be mapped shared and writable is read and written through the cache', () => {
    const { dir, tree } = onDirectory('shared', { readOnly: false }, (at) => writeFileSync(join(at, 'f'), 'x'.repeat(5000)));
    const file = opened(tree, '/f', O_RDWR);
    const pages = file.mappable() as Mappable;
    pages.cache.write(new KernelIoVec(Buffer.from('MAPPED')), 10);
    assert.equal((tree.read('/f') as string).slice(8, 18), 'xxMAPPEDxx');
    assert.equal(writeText(file, 'yy', 0), 2);
    assert.equal(readFileSync(join(dir, 'f'), 'utf8').slice(0, 4), 'yyxx');
    assert.equal(file.fsync(), 0);
    assert.equal(readFileSync(join(dir, 'f'), 'utf8').slice(8, 18), 'xxMAPPEDxx');
    pages.cache.write(new KernelIoVec(Buffer.from('LATE')), 4996);
    dropFile(file);
    assert.equal(readFileSync(join(dir, 'f'), 'utf8').slice(4990), 'xxxxxxLATE');
    assert.equal(tree.read('/f'), readFileSync(join(dir, 'f'), 'utf8'));
  });
});

describe('host descriptors', () => {
  test('however many files are open, the host sees few', () => {
    const { tree } = onDirectory('fds', { maxCachedFds: 16 }, (at) => {
      for (let i = 0; i < 50; i++) {
        mkdirSync(join(at, `d${i}`));
        writeFileSync(join(at, `d${i}`, 'f'), `${i}`);
      }
    });
    const before = hostFds();
    for (let round = 0; round < 3; round++) for (let i = 0; i < 50; i++) assert.equal(tree.read(`/d${i}/f`), `${i}`);
    assert.ok(hostFds() - before <= 16);
    const files = Array.from({ length: 500 }, () => opened(tree, '/d0/f', O_RDONLY));
    assert.ok(hostFds() - before <= 17);
    for (const file of files) dropFile(file);
    assert.ok(hostFds() - before <= 16);
    tree.fs.dispose();
    assert.ok(hostFds() <= before);
  });

  test('permissions of the host hold', { skip: process.getuid!() === 0 ? 'root may read everything' : false }, () => {
    const { dir, tree } = onDirectory('denied', {}, (at) => writeFileSync(join(at, 'f'), 'x'));
    chmodSync(join(dir, 'f'), 0);
    assert.equal(tree.read('/f'), EACCES);
  });
});

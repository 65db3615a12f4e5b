/** For tests: a file system mounted as the root of a tree, driven by paths as system calls drive it, without a kernel around. */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { HostClock } from '../base/clock.js';
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY } from '../abi/fcntl.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { PhysMem } from '../mm/phys-mem.js';
import { ROOT_CREDENTIALS, type Credentials } from '../vfs/credentials.js';
import { dropFile } from '../vfs/fd-table.js';
import type { FileSystem } from '../vfs/file-system.js';
import { FsContext } from '../vfs/fs-context.js';
import type { AttributeChange, Inode, InodeAttributes } from '../vfs/inode.js';
import { rootMount } from '../vfs/mount.js';
import { linkPath, mkdirPath, mknodPath, rmdirPath, symlinkPath, unlinkPath } from '../vfs/namei.js';
import type { OpenFile } from '../vfs/open-file.js';
import { openPath } from '../vfs/open-path.js';
import { LOOKUP_FOLLOW, walk } from '../vfs/path-walk.js';
import type { Path } from '../vfs/path.js';
import { readFile, writeFile } from '../vfs/read-write.js';
import { renamePath } from '../vfs/rename.js';

let sharedMemory: PhysMem | undefined;

/** One guest memory for all tests of a process. */
export function testMemory(): PhysMem {
  if (sharedMemory) return sharedMemory;
  const made = PhysMem.create(256 * 2 ** 20);
  if (isErr(made)) throw new Error(`no memory for tests: ${String(made)}`);
  sharedMemory = made as PhysMem;
  return sharedMemory;
}

export const testClock = new HostClock();

export function emptyAttributes(): InodeAttributes {
  const time = { sec: 0, nsec: 0 };
  return { ino: 0, mode: 0, nlink: 0, uid: 0, gid: 0, rdev: 0, size: 0, blksize: 0, blocks: 0, atime: time, mtime: time, ctime: time };
}

export class TestTree {
  readonly context: FsContext;
  readonly root: Path;

  constructor(
    readonly fs: FileSystem,
    public cred: Credentials = ROOT_CREDENTIALS,
  ) {
    const mount = rootMount(fs);
    this.root = { mount, dentry: mount.root };
    this.context = new FsContext(this.root, this.root, 0o22);
  }

  at(path: ByteString, follow = false): Inode | Errno {
    const found = walk(this.context, this.cred, this.root, path, follow ? LOOKUP_FOLLOW : 0);
    return isErr(found) ? found : found.dentry.inode!;
  }
  stat(path: ByteString, follow = false): InodeAttributes | Errno {
    const inode = this.at(path, follow);
    if (isErr(inode)) return inode;
    const out = emptyAttributes();
    const result = (inode as Inode).getAttributes(out);
    return isErr(result) ? result : { ...out };
  }
  open(path: ByteString, flags: number, mode = 0o644): OpenFile | Errno {
    return openPath(this.context, this.cred, this.root, path, flags, mode) as OpenFile | Errno;
  }
  /** The whole file as text, or the error. */
  read(path: ByteString): ByteString | Errno {
    const file = this.open(path, O_RDONLY);
    if (isErr(file)) return file;
    const text = readAll(file as OpenFile);
    dropFile(file as OpenFile);
    return text;
  }
  write(path: ByteString, text: ByteString, flags = O_WRONLY | O_CREAT | O_TRUNC): number | Errno {
    const file = this.open(path, flags);
    if (isErr(file)) return file;
    const result = writeText(file as OpenFile, text);
    dropFile(file as OpenFile);
    return result;
  }
  /** Names of a directory, sorted, without '.' and '..'. */
  list(path: ByteString): ByteString[] | Errno {
    const file = this.open(path, O_RDONLY | O_DIRECTORY);
    if (isErr(file)) return file;
    const names: ByteString[] = [];
    const result = (file as OpenFile).readDirectory(0, (entry) => {
      if (entry.name !== '.' && entry.name !== '..') names.push(entry.name);
      return true;
    });
    dropFile(file as OpenFile);
    return isErr(result) ? result : names.sort();
  }
  change(path: ByteString, change: AttributeChange): 0 | Errno {
    const inode = this.at(path);
    return isErr(inode) ? inode : (inode as Inode).setAttributes(change);
  }
  readlink(path: ByteString): ByteString | Errno {
    const inode = this.at(path);
    return isErr(inode) ? inode : (inode as Inode).readlink();
  }
  mkdir(path: ByteString, mode = 0o755): 0 | Errno {
    return mkdirPath(this.context, this.cred, this.root, path, mode);
  }
  mknod(path: ByteString, mode: number, rdev = 0): 0 | Errno {
    return mknodPath(this.context, this.cred, this.root, path, mode, rdev);
  }
  symlink(path: ByteString, target: ByteString): 0 | Errno {
    return symlinkPath(this.context, this.cred, this.root, path, target);
  }
  link(from: ByteString, to: ByteString): 0 | Errno {
    return linkPath(this.context, this.cred, this.root, from, this.root, to, 0);
  }
  unlink(path: ByteString): 0 | Errno {
    return unlinkPath(this.context, this.cred, this.root, path);
  }
  rmdir(path: ByteString): 0 | Errno {
    return rmdirPath(this.context, this.cred, this.root, path);
  }
  rename(from: ByteString, to: ByteString, flags = 0): 0 | Errno {
    return renamePath(this.context, this.cred, this.root, from, this.root, to, flags);
  }
}

export function readAll(file: OpenFile, position = 0): ByteString | Errno {
  const parts: string[] = [];
  const buffer = new Uint8Array(70000);
  for (let at = position; ; ) {
    const moved = readFile(file, new KernelIoVec(buffer), at) as number;
    if (isErr(moved)) return moved;
    if (moved === 0) return parts.join('');
    parts.push(Buffer.from(buffer.buffer, 0, moved).toString('latin1'));
    at += moved;
  }
}

export function writeText(file: OpenFile, text: ByteString, position = -1): number | Errno {
  return writeFile(file, new KernelIoVec(Buffer.from(text, 'latin1')), position) as number;
}

/**
 * The guest's tree of files as the machine's owner works on it from outside: with every capability, so that nothing is refused,
 * and as the machine's user, so that what is made belongs to him. Text paths in, results or errnos out.
 */
import { isBlocking } from '../base/blocking.js';
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { byteString, fromText } from '../base/bytes.js';
import { EAGAIN, EEXIST, EFBIG, EIO, ENOTDIR } from '../abi/errno.js';
import { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY } from '../abi/fcntl.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { ALL_CAPABILITIES, ROOT_CREDENTIALS, type Credentials } from '../vfs/credentials.js';
import { dropFile } from '../vfs/fd-table.js';
import { FsContext } from '../vfs/fs-context.js';
import { mkdirPath } from '../vfs/namei.js';
import type { OpenFile } from '../vfs/open-file.js';
import { openPath } from '../vfs/open-path.js';
import type { Path } from '../vfs/path.js';
import { LOOKUP_FOLLOW, walk } from '../vfs/path-walk.js';

/** Largest file that is read or written in one piece. */
const MAX_FILE_BYTES = 2 ** 30;

export class GuestTree {
  readonly fs: FsContext;
  cred: Credentials = ROOT_CREDENTIALS;

  constructor(readonly root: Path) {
    this.fs = new FsContext(root, root, 0);
  }

  /** From now on new files belong to this user. */
  actAs(user: Credentials): void {
    this.cred = { ...user, effective: ALL_CAPABILITIES };
  }

  /** What a path leads to; links are followed unless `flags` says otherwise. */
  find(path: string, flags = LOOKUP_FOLLOW): Path | Errno {
    return walk(this.fs, this.cred, this.fs.cwd, fromText(path), flags);
  }

  /** Opens without ever waiting: a FIFO without its other end is EAGAIN. */
  open(path: string, flags: number, mode = 0): OpenFile | Errno {
    const opening = openPath(this.fs, this.cred, this.fs.cwd, fromText(path), flags | O_NONBLOCK, mode);
    if (typeof opening === 'number') return opening;
    if (!isBlocking(opening)) return opening;
    opening.return(EAGAIN);
    return EAGAIN;
  }

  /** All of a file. */
  readFile(path: string): Uint8Array | Errno {
    const file = this.open(path, O_RDONLY);
    if (isErr(file)) return file;
    const bytes = readWhole(file);
    dropFile(file);
    return bytes;
  }

  /** Text of a small file, '' when it cannot be read. */
  readText(path: string): ByteString {
    const bytes = this.readFile(path);
    return isErr(bytes) ? '' : byteString(bytes);
  }

  /** mkdir -p. */
  makeDirectories(path: string, mode = 0o755): 0 | Errno {
    const names = path.split('/').filter((name) => name !== '');
    let sofar = path.startsWith('/') ? '' : '.';
    for (const name of names) {
      sofar += `/${name}`;
      const made = mkdirPath(this.fs, this.cred, this.fs.cwd, fromText(sofar), mode);
      if (made !== 0 && made !== EEXIST) return made;
      if (made === EEXIST) {
        const place = this.find(sofar);
        if (isErr(place)) return place;
        if (!place.dentry.inode!.isDirectory) return ENOTDIR;
      }
    }
    return 0;
  }

  /** An empty regular file, where there is nothing yet. */
  makeFile(path: string): 0 | Errno {
    const file = this.open(path, O_CREAT | O_EXCL, 0o644);
    if (isErr(file)) return file === EEXIST ? 0 : file;
    dropFile(file);
    return 0;
  }
}

/** Reads to the end, whatever size the file claims to have (files of /proc claim 0). */
function readWhole(file: OpenFile): Uint8Array | Errno {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const first = Math.min(Math.max(file.inode.size + 1, 4096), MAX_FILE_BYTES + 1);
  for (let length = first; ; length = 1 << 20) {
    const chunk = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const got = file.read(new KernelIoVec(chunk, filled), total + filled);
      if (isErr(got)) return got === EAGAIN ? EIO : got;
      if (got === 0) {
        chunks.push(chunk.subarray(0, filled));
        return join(chunks, total + filled);
      }
      filled += got;
    }
    chunks.push(chunk);
    total += filled;
    if (total > MAX_FILE_BYTES) return EFBIG;
  }
}

/** In one buffer of exactly that size, so that it can be transferred. */
function join(chunks: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

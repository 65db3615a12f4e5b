/** /proc/PID/fd and /proc/PID/fdinfo (proc(5); Linux: fs/proc/fd.c). */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EACCES, ENOENT } from '../../abi/errno.js';
import { O_ACCMODE, O_CLOEXEC, O_RDONLY, O_WRONLY } from '../../abi/fcntl.js';
import { S_IFLNK, S_IFREG } from '../../abi/stat.js';
import type { Task } from '../../kernel/task.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode, InodeAttributes } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { pathString, type Path } from '../../vfs/path.js';
import { fdIno } from './inode-numbers.js';
import { mayInspect } from './access.js';
import { ProcDirectory, ProcMagicLink, ProcText, type DirectorySource, type Owner, type ProcEntry } from './nodes.js';

function descriptorOf(name: ByteString): number {
  return /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : -1;
}

/** What a descriptor's link shows, and where it leads. */
function fileText(file: OpenFile, root: Path): ByteString {
  return file.path ? pathString(file.path, root) : `anon_inode:[${file.constructor.name.toLowerCase()}]`;
}

function linkPermissions(file: OpenFile): number {
  const access = file.flags & O_ACCMODE;
  return 0o100 | (access === O_WRONLY ? 0 : 0o400) | (access === O_RDONLY ? 0 : 0o200);
}

abstract class Descriptors implements DirectorySource {
  protected abstract readonly type: number;
  constructor(
    protected readonly fs: FileSystem,
    protected readonly task: Task,
    protected readonly owner: () => Owner,
    readonly parentIno: number,
  ) {}

  protected abstract node(fd: number, file: OpenFile): Inode;

  lookup(name: ByteString): Inode | Errno {
    if (!mayInspect(this.task)) return EACCES;
    const fd = descriptorOf(name);
    const file = fd < 0 ? undefined : this.task.files.get(fd);
    return file ? this.node(fd, file) : ENOENT;
  }

  *list(): Iterable<ProcEntry> {
    if (!mayInspect(this.task)) return;
    for (const [fd] of this.task.files.entries()) yield { name: String(fd), ino: fdIno(this.task.tid, fd), type: this.type, place: fd };
  }
}

export class FdDirectory extends Descriptors {
  protected readonly type = S_IFLNK;
  protected node(fd: number, file: OpenFile): Inode {
    const { task } = this;
    const current = (): OpenFile | Errno => task.files.get(fd) ?? ENOENT;
    return new ProcMagicLink(
      this.fs,
      fdIno(task.tid, fd),
      linkPermissions(file),
      this.owner,
      () => {
        const open = current();
        return isErr(open) ? open : (open.path ?? ENOENT);
      },
      () => {
        const open = current();
        return isErr(open) ? open : fileText(open, task.machine.current.fs.root);
      },
    );
  }
}

export class FdInfoDirectory extends Descriptors {
  protected readonly type = S_IFREG;
  protected node(fd: number): Inode {
    const { task } = this;
    return new ProcText(this.fs, fdIno(task.tid, fd) + 524288 * 4, 0o444, this.owner, () => {
      const file = task.files.get(fd);
      if (!file) return ENOENT;
      const flags = (file.flags | (task.files.isCloseOnExec(fd) ? O_CLOEXEC : 0)).toString(8).padStart(7, '0');
      return `pos:\t${file.position}\nflags:\t${flags}\nmnt_id:\t${file.path?.mount.id ?? 0}\nino:\t${file.inode.ino}\n${file.fdinfo()}`;
    });
  }
}

/** A directory that its own process may always search, whoever it belongs to since it is not dumpable (Linux: proc_fd_permission). */
export class OwnDirectory extends ProcDirectory {
  constructor(
    fs: FileSystem,
    ino: number,
    permissions: number,
    owner: () => Owner,
    source: DirectorySource,
    private readonly task: Task,
  ) {
    super(fs, ino, permissions, owner, source);
  }

  override get uid(): number {
    const { current } = this.task.machine;
    return current.group === this.task.group ? current.cred.fsuid : super.uid;
  }
  override getAttributes(out: InodeAttributes): 0 {
    const result = super.getAttributes(out);
    out.uid = super.uid;
    return result;
  }
}

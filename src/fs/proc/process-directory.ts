/** /proc/PID and /proc/PID/task/TID (proc(5); Linux: fs/proc/base.c): one table of names. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { byteString } from '../../base/bytes.js';
import { EACCES, EINVAL, ENOENT } from '../../abi/errno.js';
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../abi/stat.js';
import { pidIn, type PidNamespace } from '../../kernel/pid-namespace.js';
import { setTimeOffsets, timeOffsetsText } from '../../kernel/time-namespace.js';
import type { Task } from '../../kernel/task.js';
import type { MapKind } from '../../kernel/user-namespaces.js';
import type { Inode } from '../../vfs/inode.js';
import { pathString, type Path } from '../../vfs/path.js';
import type { ProcFs } from './proc-fs.js';
import { idMapEntry, namespaceLinks, setgroupsEntry } from './process-namespaces.js';
import { mayInspect } from './access.js';
import { taskIno } from './inode-numbers.js';
import { MountTableNode } from './mount-table.js';
import { mountinfoText, mountsText } from './mount-text.js';
import {
  ProcDirectory,
  ProcMagicLink,
  ProcText,
  ROOT_OWNER,
  fixedDirectory,
  type DirectorySource,
  type Owner,
  type ProcEntry,
  type TextSink,
} from './nodes.js';
import { loginSessionText, loginUidText, setLoginUid, setOomScore } from './process-settings.js';
import { NET_NAMES, netText } from './net-tables.js';
import { MemoryNode } from './process-memory.js';
import { PagemapNode } from './process-pagemap.js';
import { ATTR_NAMES, PROCESS_TABLES, type ProcessTable } from './process-tables.js';
import { FdDirectory, FdInfoDirectory, OwnDirectory } from './process-fds.js';
import { limitsText, statmText, statText, statusText } from './process-status.js';

/** Inode numbers of directories within a task's: see taskIno; the task's own names take those below, namespaces some from 512. */
const ATTR_INO = 900;
const NET_INO = 940;

interface Context {
  readonly fs: ProcFs;
  readonly task: Task;
  readonly owner: () => Owner;
  readonly ino: number;
  /** Inode number of the process' directory. */
  readonly directoryIno: number;
  /** Below /proc/PID/task. */
  readonly isThread: boolean;
}

interface Entry {
  readonly type: number;
  /** Only in /proc/PID, not in /proc/PID/task/TID. */
  readonly processOnly?: boolean;
  readonly make: (context: Context) => Inode;
}

function text(
  permissions: number,
  source: (task: Task, viewer: PidNamespace) => ByteString | Errno,
  sink?: (task: Task) => TextSink,
): Entry {
  return {
    type: S_IFREG,
    make: ({ fs, ino, owner, task }) => new ProcText(fs, ino, permissions, owner, () => source(task, fs.pidNs), sink?.(task)),
  };
}

function mountTable(source: (root: Path) => ByteString): Entry {
  return {
    type: S_IFREG,
    make: ({ fs, ino, owner, task }) =>
      new MountTableNode(
        fs,
        ino,
        owner,
        () => source(task.fs.root),
        () => task.nsproxy.mnt,
      ),
  };
}

/** A file that only those may read who may inspect the process. */
function guardedText(permissions: number, source: (task: Task) => ByteString | Errno): Entry {
  return text(permissions, (task) => (mayInspect(task) ? source(task) : EACCES));
}

function tableEntry({ permissions, guarded, source, write }: ProcessTable): Entry {
  return {
    type: S_IFREG,
    make: ({ fs, ino, owner, task, isThread }) => {
      const read = (): ByteString | Errno => (guarded && !mayInspect(task) ? EACCES : source(task, isThread));
      return new ProcText(fs, ino, permissions, owner, read, write);
    },
  };
}

/** Files of fixed names, numbered from `first` on among a task's. */
function tableDirectory(
  { fs, owner, task, directoryIno }: Context,
  first: number,
  names: readonly ByteString[],
  permissions: number,
  read: (name: ByteString) => ByteString | Errno,
  write?: TextSink,
): DirectorySource {
  const nodes = names.map((name, index) => {
    const node = new ProcText(fs, taskIno(task.tid, first + index), permissions, owner, () => read(name), write);
    return [name, node] as const;
  });
  return fixedDirectory(new Map<ByteString, Inode>(nodes), directoryIno);
}

/** Without a security module there are no attributes. */
function attributes(context: Context): DirectorySource {
  return tableDirectory(
    context,
    ATTR_INO,
    ATTR_NAMES,
    0o666,
    () => EINVAL,
    () => EINVAL,
  );
}

function netTables(context: Context): DirectorySource {
  return tableDirectory(context, NET_INO, NET_NAMES, 0o444, (name) => netText(context.task, name));
}

function magic(place: (task: Task) => Path | undefined): Entry {
  return {
    type: S_IFLNK,
    make: ({ fs, ino, owner, task }) => {
      const where = (): Path | Errno => (mayInspect(task) ? (place(task) ?? ENOENT) : EACCES);
      const show = (): ByteString | Errno => {
        const path = where();
        return isErr(path) ? path : pathString(path, task.machine.current.fs.root);
      };
      return new ProcMagicLink(fs, ino, 0o777, owner, where, show);
    },
  };
}

function fdDirectory({ fs, ino, owner, task, directoryIno }: Context): Inode {
  return new OwnDirectory(fs, ino, 0o500, owner, new FdDirectory(fs, task, owner, directoryIno), task);
}

function directory(permissions: number, make: (context: Context) => DirectorySource, processOnly = false): Entry {
  return {
    type: S_IFDIR,
    processOnly,
    make: (context) => new ProcDirectory(context.fs, context.ino, permissions, context.owner, make(context)),
  };
}

/** The bytes of a range of the process' memory, at most 2 MiB; empty when it has none. */
function memoryText(task: Task, start: number, end: number): ByteString | Errno {
  if (task.state === 'zombie' || task.state === 'dead' || end <= start) return '';
  const bytes = new Uint8Array(Math.min(end - start, 2 << 20));
  const copied = task.mm.copyIn(start, bytes);
  return isErr(copied) ? '' : byteString(bytes);
}

/** Arguments, as setproctitle() may have left them: without the final NUL it has grown into the environment. */
function commandLine(task: Task): ByteString | Errno {
  const { argStart, argEnd, envEnd } = task.mm;
  const plain = memoryText(task, argStart, argEnd);
  if (isErr(plain) || plain === '' || plain.endsWith('\0')) return plain;
  const long = memoryText(task, argStart, envEnd);
  if (isErr(long)) return long;
  const end = long.indexOf('\0');
  return end < 0 ? long : long.slice(0, end + 1);
}

function setComm(task: Task): TextSink {
  return (name) => {
    if (task.machine.current.group !== task.group) return EINVAL;
    task.name = name.replace(/\n$/, '').slice(0, 15);
    return 0;
  };
}

function auxvText(task: Task): ByteString {
  return byteString(task.mm.auxv);
}

const ENTRIES: ReadonlyMap<ByteString, Entry> = new Map<ByteString, Entry>([
  ['task', directory(0o555, ({ fs, task, directoryIno }) => new TaskDirectory(fs, task, directoryIno), true)],
  ['fd', { type: S_IFDIR, make: (context) => fdDirectory(context) }],
  ['fdinfo', directory(0o555, ({ fs, task, owner, directoryIno }) => new FdInfoDirectory(fs, task, owner, directoryIno))],
  ['ns', directory(0o511, ({ fs, owner, ino, directoryIno, task }) => namespaceLinks(fs, owner, ino, directoryIno, task))],
  ['environ', guardedText(0o400, (task) => memoryText(task, task.mm.envStart, task.mm.envEnd))],
  ['auxv', guardedText(0o400, auxvText)],
  ['status', text(0o444, statusText)],
  ['personality', guardedText(0o400, (task) => task.personality.toString(16).padStart(8, '0') + '\n')],
  ['limits', text(0o444, (task) => limitsText(task.group))],
  ['comm', text(0o644, (task) => task.name + '\n', setComm)],
  ['cmdline', text(0o444, commandLine)],
  [
    'stat',
    {
      type: S_IFREG,
      make: ({ fs, ino, owner, task, isThread }) => new ProcText(fs, ino, 0o444, owner, () => statText(task, fs.pidNs, isThread)),
    },
  ],
  ['statm', text(0o444, statmText)],
  ['maps', guardedText(0o444, (task) => (task.state === 'zombie' ? '' : task.mm.formatMaps()))],
  ['mem', { type: S_IFREG, make: ({ fs, ino, owner, task }) => new MemoryNode(fs, ino, owner, task) }],
  ['cwd', magic((task) => task.fs.cwd)],
  ['root', magic((task) => task.fs.root)],
  ['exe', magic((task) => task.group.executable)],
  ['mounts', mountTable(mountsText)],
  ['mountinfo', mountTable(mountinfoText)],
  ['cpuset', text(0o444, () => '/\n')],
  ['cgroup', text(0o444, () => '0::/\n')],
  ['oom_score_adj', text(0o644, (task) => `${task.group.oomScoreAdjust}\n`, setOomScore)],
  ['loginuid', text(0o644, loginUidText, setLoginUid)],
  ['sessionid', text(0o444, loginSessionText)],
  [
    'coredump_filter',
    text(
      0o644,
      () => '00000033\n',
      () => () => 0,
    ),
  ],
  ['io', guardedText(0o400, ioText)],
  ['uid_map', idMap('uid')],
  ['gid_map', idMap('gid')],
  ['setgroups', { type: S_IFREG, make: ({ fs, ino, owner, task }) => setgroupsEntry(fs, ino, owner, task) }],
  ['timens_offsets', text(0o644, timeOffsetsText, (task) => (given) => setTimeOffsets(task.machine.current, task, given))],
  ['pagemap', { type: S_IFREG, make: ({ fs, ino, owner, task }) => new PagemapNode(fs, ino, owner, task) }],
  ['attr', directory(0o555, attributes)],
  ['net', directory(0o555, netTables)],
  ...PROCESS_TABLES.map((table) => [table.name, tableEntry(table)] as const),
  ['timerslack_ns', text(0o666, (task) => `${task.timerSlackNs}\n`)],
]);

function idMap(kind: MapKind): Entry {
  return { type: S_IFREG, make: ({ fs, ino, owner, task }) => idMapEntry(fs, ino, owner, task, kind) };
}

function ioText({ group: { counts } }: Task): ByteString {
  const { readBytes, writtenBytes, reads, writes } = counts;
  const moved = `rchar: ${readBytes}\nwchar: ${writtenBytes}\nsyscr: ${reads}\nsyscw: ${writes}\n`;
  return `${moved}read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n`;
}

/** The process whose /proc/PID `inode` is (pidfd_send_signal(2) takes those too). */
export function processOfDirectory(inode: Inode): { group: Task['group']; task: undefined } | undefined {
  const source = inode instanceof ProcDirectory ? inode.source : undefined;
  return source instanceof EntryTable && !source.isThread ? { group: source.task.group, task: undefined } : undefined;
}

/** The names of one process or thread. Inodes are kept, so that a name leads to the same inode each time. */
class EntryTable implements DirectorySource {
  private readonly nodes = new Map<ByteString, Inode>();

  constructor(
    private readonly fs: ProcFs,
    readonly task: Task,
    private readonly owner: () => Owner,
    private readonly ino: number,
    readonly parentIno: number,
    readonly isThread: boolean,
  ) {}

  lookup(name: ByteString): Inode | Errno {
    const kept = this.nodes.get(name);
    if (kept) return kept;
    const entry = ENTRIES.get(name);
    if (!entry || (this.isThread && entry.processOnly)) return ENOENT;
    const index = [...ENTRIES.keys()].indexOf(name) + 2 + (this.isThread ? 256 : 0);
    const context: Context = {
      fs: this.fs,
      task: this.task,
      owner: this.owner,
      ino: taskIno(this.task.tid, index),
      directoryIno: this.ino,
      isThread: this.isThread,
    };
    const node = entry.make(context);
    this.nodes.set(name, node);
    return node;
  }

  *list(): Iterable<ProcEntry> {
    let index = this.isThread ? 258 : 2;
    for (const [name, entry] of ENTRIES) {
      const ino = taskIno(this.task.tid, index++);
      if (!(this.isThread && entry.processOnly)) yield { name, ino, type: entry.type };
    }
  }
}

/** Owner of a task's files: its effective identity, root when others may not look into it. */
function ownerOf(task: Task): () => Owner {
  return () => (task.group.dumpable === 1 ? { uid: task.cred.euid, gid: task.cred.egid } : ROOT_OWNER);
}

export type TaskDirectories = WeakMap<Task, { process?: ProcDirectory; thread?: ProcDirectory }>;

/** The directory of a process (by its leader), or of a thread beneath `task`. */
export function taskDirectory(fs: ProcFs, task: Task, parentIno: number, isThread: boolean): ProcDirectory {
  let made = fs.directories.get(task);
  if (!made) fs.directories.set(task, (made = {}));
  const kept = isThread ? made.thread : made.process;
  if (kept) return kept;
  const ino = taskIno(task.tid, isThread ? 257 : 1);
  const owner = ownerOf(task);
  const node = new ProcDirectory(fs, ino, 0o555, owner, new EntryTable(fs, task, owner, ino, parentIno, isThread));
  if (isThread) made.thread = node;
  else made.process = node;
  return node;
}

class TaskDirectory implements DirectorySource {
  constructor(
    private readonly fs: ProcFs,
    private readonly task: Task,
    readonly parentIno: number,
  ) {}

  lookup(name: ByteString): Inode | Errno {
    if (!/^[1-9]\d{0,9}$/.test(name)) return ENOENT;
    const thread = this.task.machine.tasks.get(this.fs.pidNs.globalOf(Number(name)));
    if (!thread || thread.group !== this.task.group) return ENOENT;
    return taskDirectory(this.fs, thread, taskIno(this.task.tid, 2), true);
  }

  /** Programs count their threads by it (chromium's sandbox). */
  directories(): number {
    return this.task.group.tasks.size;
  }

  *list(): Iterable<ProcEntry> {
    const ids = [...this.task.group.tasks].map((thread) => thread.tid).sort((a, b) => a - b);
    for (const tid of ids) yield { name: String(pidIn(this.fs.pidNs, tid)), ino: taskIno(tid, 257), type: S_IFDIR, place: tid };
  }
}

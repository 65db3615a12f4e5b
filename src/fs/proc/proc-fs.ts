/** procfs (proc(5); Linux: fs/proc/root.c): processes, and files about the machine. Text is made when it is read. */
import type { ByteString, Errno } from '../../base/brands.js';
import { ENOENT } from '../../abi/errno.js';
import { S_IFDIR } from '../../abi/stat.js';
import type { Machine } from '../../kernel/machine.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { fixedIno, ROOT_INO, taskIno } from './inode-numbers.js';
import { kernelConfig } from './kernel-config.js';
import { textDirectory } from '../sys/text-tree.js';
import { MACHINE_DIRECTORIES, machineTables } from './machine-tables.js';
import { msgText, semText, shmText } from './ipc-files.js';
import {
  fixedDirectory,
  ProcDirectory,
  ProcLink,
  ProcText,
  ROOT_OWNER,
  type DirectorySource,
  type ProcEntry,
  type TextSource,
} from './nodes.js';
import { INITIAL_PID_NAMESPACE, pidIn, type PidNamespace } from '../../kernel/pid-namespace.js';
import { taskDirectory, type TaskDirectories } from './process-directory.js';
import { sysDirectory } from './sys-tree.js';
import { cpuinfoText, filesystemsText, loadavgText, meminfoText, statText, uptimeText } from './system-files.js';

const PROC_SUPER_MAGIC = 0x9fa0;

export class ProcFs extends FileSystem {
  readonly type = 'proc';
  /** Processes come and go without telling. */
  override readonly stableNames = false;
  readonly root: Inode;

  /** Directories of tasks, so that a name leads to the same inode each time. */
  readonly directories: TaskDirectories = new WeakMap();

  /** Shows the processes of `pidNs`, by their ids there. */
  constructor(
    machine: Machine,
    readonly pidNs: PidNamespace = INITIAL_PID_NAMESPACE,
  ) {
    super();
    this.root = new ProcDirectory(this, ROOT_INO, 0o555, () => ROOT_OWNER, new RootDirectory(this, machine));
  }

  statistics(): FileSystemStatistics {
    return { type: PROC_SUPER_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }
}

class RootDirectory implements DirectorySource {
  readonly parentIno = ROOT_INO;
  private readonly fixed: ReadonlyMap<ByteString, Inode>;

  constructor(
    private readonly fs: ProcFs,
    private readonly machine: Machine,
  ) {
    this.fixed = fixedNodes(fs, machine);
  }

  lookup(name: ByteString): Inode | Errno {
    const fixed = this.fixed.get(name);
    if (fixed) return fixed;
    if (!/^[1-9]\d{0,9}$/.test(name)) return ENOENT;
    // A thread's id works here too, though only processes are listed.
    const task = this.machine.tasks.get(this.fs.pidNs.globalOf(Number(name)));
    return task ? taskDirectory(this.fs, task, ROOT_INO, false) : ENOENT;
  }

  *list(): Iterable<ProcEntry> {
    const first = this.fixed.size;
    for (const [name, node] of this.fixed) yield { name, ino: node.ino, type: node.type };
    const { pidNs } = this.fs;
    const ids = pidNs.parent === null ? [...this.machine.groups.keys()].sort((a, b) => a - b) : pidNs.memberIds();
    for (const id of ids) {
      const pid = pidNs.globalOf(id);
      if (!this.machine.groups.has(pid) || !this.machine.tasks.has(pid)) continue;
      yield { name: String(id), ino: taskIno(pid, 1), type: S_IFDIR, place: first + id };
    }
  }
}

function fixedNodes(fs: ProcFs, machine: Machine): ReadonlyMap<ByteString, Inode> {
  const owner = (): typeof ROOT_OWNER => ROOT_OWNER;
  const nodes = new Map<ByteString, Inode>();
  const link = (name: ByteString, target: () => ByteString | Errno): void => {
    nodes.set(name, new ProcLink(fs, fixedIno(), owner, target));
  };
  const text = (name: ByteString, source: TextSource, permissions = 0o444): void => {
    nodes.set(name, new ProcText(fs, fixedIno(), permissions, owner, source));
  };
  const ownId = (pid: number): number => pidIn(fs.pidNs, pid);
  link('self', () => (ownId(machine.current.group.pid) === 0 ? ENOENT : String(ownId(machine.current.group.pid))));
  link('thread-self', () => {
    const { tid, group } = machine.current;
    return ownId(group.pid) === 0 ? ENOENT : `${ownId(group.pid)}/task/${ownId(tid)}`;
  });
  link('mounts', () => 'self/mounts');
  text('meminfo', () => meminfoText(machine));
  text('cpuinfo', () => cpuinfoText(machine));
  text('stat', () => statText(machine));
  text('uptime', () => uptimeText(machine));
  text('loadavg', () => loadavgText(machine));
  text('version', () => `Linux version ${machine.release} (skas) ${machine.version}\n`);
  text('config.gz', kernelConfig);
  text('cmdline', () => 'skas\n');
  text('filesystems', filesystemsText);
  for (const [name, source] of machineTables(machine)) text(name, source);
  link('net', () => 'self/net');
  for (const [name, tree] of Object.entries(MACHINE_DIRECTORIES))
    nodes.set(
      name,
      textDirectory(fs, () => tree, ROOT_INO),
    );
  nodes.set('sysvipc', sysvipcDirectory(fs, machine));
  nodes.set('sys', sysDirectory(fs, machine, ROOT_INO));
  return nodes;
}

function sysvipcDirectory(fs: ProcFs, machine: Machine): Inode {
  const owner = (): typeof ROOT_OWNER => ROOT_OWNER;
  const file = (source: TextSource): ProcText => new ProcText(fs, fixedIno(), 0o444, owner, source);
  const nodes = new Map<ByteString, Inode>([
    ['msg', file(() => msgText(machine.current.nsproxy.ipc))],
    ['sem', file(() => semText(machine.current.nsproxy.ipc))],
    ['shm', file(() => shmText(machine.current.nsproxy.ipc))],
  ]);
  return new ProcDirectory(fs, fixedIno(), 0o555, owner, fixedDirectory(nodes, ROOT_INO));
}

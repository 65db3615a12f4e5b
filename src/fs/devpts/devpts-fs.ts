/**
 * devpts (Linux: fs/devpts/inode.c; pts(4)): /dev/pts with a name for each pseudo-terminal, and the device numbers by which
 * /dev/ptmx, /dev/tty and /dev/console are opened.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import type { Timespec } from '../../base/clock.js';
import { ENOENT, ENOSPC, ENXIO } from '../../abi/errno.js';
import { O_CLOEXEC } from '../../abi/fcntl.js';
import { S_IFCHR, S_IFDIR, S_IFMT } from '../../abi/stat.js';
import { terminalOf } from '../../kernel/job-control.js';
import type { Machine } from '../../kernel/machine.js';
import type { Task } from '../../kernel/task.js';
import { installFile } from '../../kernel/task-files.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import { fillAttributes, Inode, type AttributeChange, type InodeAttributes } from '../../vfs/inode.js';
import { OpenFile, type DirectorySink } from '../../vfs/open-file.js';
import { makeDevice, registerDevice } from '../../vfs/special-files.js';
import { openSlave, PtyMaster } from './pty.js';
import { Tty } from './tty.js';

const DEVPTS_SUPER_MAGIC = 0x1cd1;
const MAX_TERMINALS = 4096;
const ROOT_INO = 1;
const PTMX_INO = 2;
const FIRST_SLAVE_INO = 3;
const TTY_MAJOR = 5;
const SLAVE_MAJOR = 136;
const TTY_MINOR = 0;
const CONSOLE_MINOR = 1;
const PTMX_MINOR = 2;
/** Group 'tty' of Debian and most others. */
const TTY_GID = 5;

abstract class DevptsInode extends Inode {
  readonly size = 0;
  private readonly time: Timespec;
  constructor(
    fs: FileSystem,
    readonly ino: number,
    public mode: number,
    public uid: number,
    public gid: number,
    private readonly rdev: number,
    machine: Machine,
  ) {
    super(fs);
    this.time = machine.clock.realtime();
  }
  getAttributes(out: InodeAttributes): 0 {
    return fillAttributes(out, this, this.isDirectory ? 2 : 1, 1024, this.time, this.rdev);
  }
  override setAttributes(change: AttributeChange): 0 | Errno {
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    this.uid = change.uid ?? this.uid;
    this.gid = change.gid ?? this.gid;
    return 0;
  }
}

class SlaveNode extends DevptsInode {
  constructor(
    fs: FileSystem,
    readonly tty: Tty,
    uid: number,
  ) {
    super(fs, FIRST_SLAVE_INO + tty.index, S_IFCHR | 0o620, uid, TTY_GID, tty.device, tty.machine);
  }
  override open(flags: number): OpenFile | Errno {
    return openSlave(this, flags, this.tty);
  }
}

class MultiplexerNode extends DevptsInode {
  constructor(
    override readonly fs: DevptsFs,
    machine: Machine,
  ) {
    super(fs, PTMX_INO, S_IFCHR | 0o666, 0, 0, makeDevice(TTY_MAJOR, PTMX_MINOR), machine);
  }
  override open(flags: number): OpenFile | Errno {
    return this.fs.openMaster(this, flags);
  }
}

class RootNode extends DevptsInode {
  constructor(
    override readonly fs: DevptsFs,
    machine: Machine,
  ) {
    super(fs, ROOT_INO, S_IFDIR | 0o755, 0, 0, 0, machine);
  }
  override lookup(name: ByteString): Inode | Errno {
    return this.fs.find(name) ?? ENOENT;
  }
  override open(flags: number): OpenFile {
    return new RootFile(this, flags);
  }
}

class RootFile extends OpenFile {
  constructor(
    private readonly node: RootNode,
    flags: number,
  ) {
    super(node, flags);
  }
  override readDirectory(from: number, sink: DirectorySink): 0 | Errno {
    const names: [ByteString, number, number][] = [
      ['.', ROOT_INO, S_IFDIR],
      ['..', ROOT_INO, S_IFDIR],
      ['ptmx', PTMX_INO, S_IFCHR],
    ];
    for (const tty of this.node.fs.terminals()) names.push([String(tty.index), FIRST_SLAVE_INO + tty.index, S_IFCHR]);
    for (let at = from; at < names.length; at++) {
      const [name, ino, type] = names[at]!;
      if (!sink({ name, ino, type: type >> 12 }, at + 1)) return 0;
    }
    return 0;
  }
}

export class DevptsFs extends FileSystem {
  readonly type = 'devpts';
  override readonly stableNames = false;
  readonly root: Inode;
  private readonly slaves: (SlaveNode | undefined)[] = [];
  private readonly multiplexer: MultiplexerNode;

  constructor(private readonly machine: Machine) {
    super();
    this.root = new RootNode(this, machine);
    this.multiplexer = new MultiplexerNode(this, machine);
  }

  statistics(): FileSystemStatistics {
    return { type: DEVPTS_SUPER_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }

  find(name: ByteString): Inode | undefined {
    if (name === 'ptmx') return this.multiplexer;
    return /^(0|[1-9]\d{0,4})$/.test(name) ? this.slaves[Number(name)] : undefined;
  }

  *terminals(): Generator<Tty> {
    for (const slave of this.slaves) if (slave) yield slave.tty;
  }

  /** A new pseudo-terminal; `inode` is the node that was opened for it. */
  openMaster(inode: Inode, flags: number, owner = this.machine.current?.cred.fsuid ?? 0): PtyMaster | Errno {
    let index = 0;
    while (this.slaves[index]) index++;
    if (index >= MAX_TERMINALS) return ENOSPC;
    const tty = new Tty(this.machine, index, makeDevice(SLAVE_MAJOR + (index >> 8), index & 0xff));
    const slave = new SlaveNode(this, tty, owner);
    this.slaves[index] = slave;
    const openPeer = (task: Task, peerFlags: number): number | Errno => {
      const file = openSlave(slave, peerFlags, tty);
      return isErr(file) ? file : installFile(task, file, (peerFlags & O_CLOEXEC) !== 0);
    };
    return new PtyMaster(inode, flags, tty, openPeer, () => (this.slaves[index] = undefined));
  }

  /** A pseudo-terminal for a process that starts from outside: the master, and how to open the other side. */
  createTerminal(owner: number): { master: PtyMaster; openSlave: (flags: number) => OpenFile | Errno } | Errno {
    const master = this.openMaster(this.multiplexer, 2, owner);
    if (isErr(master)) return master;
    master.tty.locked = false;
    const slave = this.slaves[master.tty.index]!;
    return { master, openSlave: (flags) => slave.open(flags) };
  }

  /** Makes the device numbers of terminals work wherever a node with them lies. */
  registerDevices(): void {
    registerDevice(TTY_MAJOR, (inode, flags, minor) => {
      if (minor === PTMX_MINOR) return this.openMaster(inode, flags);
      if (minor === TTY_MINOR || minor === CONSOLE_MINOR) return this.openControlling(inode, flags);
      return ENXIO;
    });
    for (let major = SLAVE_MAJOR; major < SLAVE_MAJOR + 8; major++) {
      registerDevice(major, (inode, flags, minor) => {
        const slave = this.slaves[((major - SLAVE_MAJOR) << 8) | minor];
        return slave ? openSlave(inode, flags, slave.tty) : ENXIO;
      });
    }
  }

  /** /dev/tty: the caller's controlling terminal. */
  private openControlling(inode: Inode, flags: number): OpenFile | Errno {
    const terminal = terminalOf(this.machine.current.group);
    return terminal instanceof Tty ? openSlave(inode, flags, terminal) : ENXIO;
  }
}

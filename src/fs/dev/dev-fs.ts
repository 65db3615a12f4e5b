/**
 * /dev (Linux: drivers/base/devtmpfs.c): a tmpfs that begins with the usual nodes. What opening a node means is registered by
 * major number (vfs/special-files.ts): the memory devices here, terminals by fs/devpts.
 *
 * Leaves out: /dev/mem, /dev/kmem, /dev/port, disks other than loop devices, and everything else that stands for hardware. A guest with CAP_MKNOD may
 * make nodes of any number; those without a driver here are ENXIO.
 */
import type { ByteString } from '../../base/brands.js';
import { KernelBug } from '../../base/assert.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK } from '../../abi/stat.js';
import type { Machine } from '../../kernel/machine.js';
import { makeDevice, registerBlockDevice, registerDevice } from '../../vfs/special-files.js';
import { Tmpfs } from '../tmpfs/tmpfs.js';
import { kernelLogOf, type KernelLog } from './kernel-log.js';
import { LOOP_CONTROL_MINOR, LOOP_COUNT, LOOP_MAJOR, loopControlOpener, loopOpener, MISC_MAJOR } from './loop.js';
import { memoryDeviceOpener } from './memory-devices.js';

/** Group 'disk' of Debian and most others. */
const DISK_GID = 6;
/** Group 'tty' of Debian and most others. */
const TTY_GID = 5;
const MEMORY_MAJOR = 1;
/** Room for what programs leave in /dev: names and small files. */
const DEV_BYTES = 16 * 2 ** 20;

// Name, permissions, major, minor, group.
const NODES: readonly (readonly [ByteString, number, number, number, number])[] = [
  ['null', 0o666, 1, 3, 0],
  ['zero', 0o666, 1, 5, 0],
  ['full', 0o666, 1, 7, 0],
  ['random', 0o666, 1, 8, 0],
  ['urandom', 0o666, 1, 9, 0],
  ['kmsg', 0o644, 1, 11, 0],
  ['tty', 0o666, 5, 0, TTY_GID],
  ['console', 0o600, 5, 1, TTY_GID],
  ['ptmx', 0o666, 5, 2, TTY_GID],
  ['loop-control', 0o660, MISC_MAJOR, LOOP_CONTROL_MINOR, 0],
];

const LINKS: readonly (readonly [ByteString, ByteString])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

/** Where other file systems are mounted. */
const DIRECTORIES: readonly (readonly [ByteString, number])[] = [
  ['pts', 0o755],
  ['shm', 0o1777],
  ['mqueue', 0o1777],
];

export class DevFs extends Tmpfs {
  override readonly type = 'devtmpfs';
  readonly log: KernelLog;

  constructor(machine: Machine) {
    super({ physmem: machine.physmem, clock: machine.clock, mode: 0o755, sizeBytes: DEV_BYTES });
    this.log = kernelLogOf(machine);
    registerDevice(MEMORY_MAJOR, memoryDeviceOpener(machine, this.log));
    registerDevice(MISC_MAJOR, loopControlOpener(machine));
    registerBlockDevice(LOOP_MAJOR, loopOpener(machine));
    this.fill();
  }

  private fill(): void {
    const { root } = this;
    const made = [
      ...NODES.map(([name, mode, major, minor, gid]) =>
        root.create(name, { mode: S_IFCHR | mode, uid: 0, gid, rdev: makeDevice(major, minor) }),
      ),
      ...Array.from({ length: LOOP_COUNT }, (_, n) =>
        root.create(`loop${n}`, { mode: S_IFBLK | 0o660, uid: 0, gid: DISK_GID, rdev: makeDevice(LOOP_MAJOR, n) }),
      ),
      ...LINKS.map(([name, target]) => root.symlink(name, target, { mode: S_IFLNK | 0o777, uid: 0, gid: 0, rdev: 0 })),
      ...DIRECTORIES.map(([name, mode]) => root.mkdir(name, { mode: S_IFDIR | mode, uid: 0, gid: 0, rdev: 0 })),
    ];
    if (made.some((inode) => typeof inode === 'number')) throw new KernelBug('/dev has no room for its own nodes');
  }
}

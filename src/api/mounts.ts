/**
 * The machine's tree of mounts.
 *
 *   /            the host's system directories under an overlay, or what `root` says
 *   /proc        procfs            /dev, /dev/pts, /dev/shm   devices, terminals, shared memory
 *   /sys         sysfs, cgroup2    /tmp, /run                 in memory (an image has its own)
 *   the current directory, under an overlay at its own path; then what `mounts` lists, parents first
 */
import { readFileSync } from 'node:fs';
import { isErr, type Errno } from '../base/brands.js';
import { fromText } from '../base/bytes.js';
import { EACCES, EIO, ENOENT, ERRNO_NAMES } from '../abi/errno.js';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RELATIME } from '../abi/mount.js';
import type { Clock } from '../base/clock.js';
import { DevFs } from '../fs/dev/dev-fs.js';
import { DevptsFs } from '../fs/devpts/devpts-fs.js';
import { ImageFs } from '../fs/imagefs/image-fs.js';
import { HostFs, type OwnerMap } from '../fs/hostfs/host-fs.js';
import { openSystemRoot } from '../fs/hostfs/system-root.js';
import { OverlayFs } from '../fs/overlay/overlay-fs.js';
import { ProcFs } from '../fs/proc/proc-fs.js';
import { CgroupFs } from '../fs/sys/cgroup-fs.js';
import { SysFs } from '../fs/sys/sys-fs.js';
import { Tmpfs } from '../fs/tmpfs/tmpfs.js';
import { parseIndex, type ImageIndex } from '../image/image-index.js';
import type { DiskQuota } from '../kernel/disk-quota.js';
import { registerFileSystemType } from '../kernel/file-system-types.js';
import type { Machine } from '../kernel/machine.js';
import type { PhysMem } from '../mm/phys-mem.js';
import type { FileSystem } from '../vfs/file-system.js';
import { mountFileSystem } from '../vfs/mount-tree.js';
import type { GuestTree } from './guest-tree.js';
import type { FileSystemSpec, MachineOptions, MountSpec } from './machine-options.js';

/** What file systems are made with. */
export interface MountContext {
  readonly physmem: PhysMem;
  readonly clock: Clock;
  readonly diskBytes: number;
  readonly disk: DiskQuota;
  /** Shows the host user's files as the guest user's; absent when the two are the same. */
  mapOwner?: OwnerMap;
}

/** One sentence that says what cannot be mounted. */
export interface MountFailure {
  readonly message: string;
}

const SAFE = MS_NOSUID | MS_NODEV | MS_RELATIME;

function memory(context: MountContext, mode: number, sizeBytes = context.diskBytes): Tmpfs {
  return new Tmpfs({ physmem: context.physmem, clock: context.clock, sizeBytes, mode, quota: context.disk });
}

function overlayOver(context: MountContext, lower: FileSystem): OverlayFs {
  return new OverlayFs([lower], memory(context, 0o755), context.clock);
}

/** The root of the tree. */
export function makeRoot(context: MountContext, spec: FileSystemSpec | undefined): FileSystem | MountFailure {
  if (spec) return makeFileSystem(context, spec, 'root');
  const system = openSystemRoot({ physmem: context.physmem });
  return isErr(system) ? failure("the host's root directory", '/', system) : overlayOver(context, system);
}

function makeFileSystem(context: MountContext, spec: FileSystemSpec, what: string): FileSystem | MountFailure {
  if (spec.type === 'memfs') return memory(context, 0o1777, spec.sizeBytes ?? context.diskBytes);
  if (spec.type === 'image') return { message: `${what} ${spec.source}: has not been unpacked` };
  const { physmem, mapOwner } = context;
  if (spec.type === 'unpacked') {
    const image = openImage(spec.indexPath, physmem);
    return isErr(image) ? failure(what, spec.indexPath, image) : overlayOver(context, image);
  }
  const path = spec.type === 'hostdir' ? spec.path : spec.lower.path;
  const readOnly = spec.type === 'overlay' || spec.readOnly;
  const host = HostFs.open(fromText(path), { readOnly, physmem, mapOwner });
  if (isErr(host)) return failure(what, path, host);
  return spec.type === 'overlay' ? overlayOver(context, host) : host;
}

/** EIO: the index, or what it refers to, has been damaged since it was found. */
function openImage(indexPath: string, physmem: PhysMem): ImageFs | Errno {
  let index: ImageIndex;
  try {
    index = parseIndex(readFileSync(indexPath, 'utf8'));
  } catch {
    return EIO;
  }
  return ImageFs.open(index, physmem);
}

function failure(what: string, path: string, errno: Errno): MountFailure {
  const advice =
    errno === ENOENT
      ? 'does not exist on the host: check the path'
      : errno === EACCES
        ? 'cannot be read: give this user permission, or choose another directory'
        : `cannot be opened (${ERRNO_NAMES[-errno] ?? errno})`;
  return { message: `${what} ${path}: ${advice}` };
}

/** Mounts everything below the root. The devpts is what terminals are made with. */
export function mountTree(context: MountContext, machine: Machine, tree: GuestTree, options: MachineOptions): DevptsFs | MountFailure {
  const devpts = new DevptsFs(machine);
  devpts.registerDevices();
  // There is one set of terminals, whatever is mounted where.
  registerFileSystemType('devpts', () => devpts);
  const system: [string, FileSystem, number][] = [
    ['/proc', new ProcFs(machine), SAFE | MS_NOEXEC],
    ['/sys', new SysFs(machine, machine.nsproxy.net), SAFE | MS_NOEXEC],
    ['/sys/fs/cgroup', new CgroupFs(machine), SAFE | MS_NOEXEC],
    ['/dev', new DevFs(machine), MS_NOSUID | MS_RELATIME],
    ['/dev/pts', devpts, MS_NOSUID | MS_NOEXEC | MS_RELATIME],
    ['/dev/shm', memory(context, 0o1777), SAFE],
    ['/dev/mqueue', machine.nsproxy.ipc.mqueues, SAFE | MS_NOEXEC],
  ];
  if (options.root?.type !== 'unpacked') {
    system.push(['/tmp', memory(context, 0o1777), SAFE], ['/run', memory(context, 0o755), SAFE]);
  }
  for (const [target, fs, flags] of system) {
    const failed = mountAt(tree, target, fs, flags);
    if (failed) return failed;
  }
  for (const spec of [...currentDirectory(options), ...options.mounts]) {
    const fs = makeFileSystem(context, spec.fs, 'mount');
    if ('message' in fs) return fs;
    const failed = mountAt(tree, spec.target, fs, SAFE & ~MS_NOSUID);
    if (failed) return failed;
  }
  return devpts;
}

function mountAt(tree: GuestTree, target: string, fs: FileSystem, flags: number): MountFailure | undefined {
  if (target === '/') return { message: 'mount at /: use root (--root) to replace the whole tree' };
  const made = fs.root.isDirectory ? tree.makeDirectories(target) : makeFilePlace(tree, target);
  const place = isErr(made) ? made : tree.find(target);
  const mounted = isErr(place) ? place : mountFileSystem(fs, place, flags);
  return isErr(mounted) ? failure('mount point', target, mounted) : undefined;
}

function makeFilePlace(tree: GuestTree, target: string): 0 | Errno {
  const made = tree.makeDirectories(target.slice(0, Math.max(target.lastIndexOf('/'), 0)));
  return isErr(made) ? made : tree.makeFile(target);
}

/** Host places of which the guest has its own, or that are too private to be shown whole because somebody stands in them. */
const NOT_SHOWN =
  /^\/(?:$|(?:home|root|tmp|run|srv|mnt|media|var|usr|etc|opt|boot)\/?$|home\/[^/]+$|(?:proc|sys|dev|run|boot)\/|(?:usr|etc|bin|sbin|lib[^/]*|opt)\/)/;

/**
 * The current directory, unless the guest sees that place anyway (system directories), has its own (/proc, /tmp itself), it is
 * a whole home directory, or one of the mounts covers it.
 */
function currentDirectory({ hostCwd, root, mounts }: MachineOptions): MountSpec[] {
  if (hostCwd === undefined || root !== undefined || NOT_SHOWN.test(hostCwd)) return [];
  if (mounts.some(({ target }) => hostCwd === target || hostCwd.startsWith(`${target}/`))) return [];
  return [{ target: hostCwd, fs: { type: 'overlay', lower: { type: 'hostdir', path: hostCwd } } }];
}

/** Boots a machine on this thread: memory, platform, tree of files, user. What it cannot have is told, not thrown. */
import { isErr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { ERRNO_NAMES } from '../abi/errno.js';
import { registerFifos } from '../fs/fifo.js';
import { registerFileSystemTypes } from '../fs/register-types.js';
import { TscClock } from '../host/clock.js';
import { DiskQuota } from '../kernel/disk-quota.js';
import { noteLimit } from '../kernel/limits-reached.js';
import { Machine } from '../kernel/machine.js';
import type { Task } from '../kernel/task.js';
import { PhysMem } from '../mm/phys-mem.js';
import { registerInet } from '../net/inet/family.js';
import { registerNetlink } from '../net/netlink/netlink-socket.js';
import { registerUnix } from '../net/unix/family.js';
import type { Platform } from '../platform/platform.js';
import { SYSCALL_TABLE } from '../syscalls/table.js';
import { unknownWord } from '../trace/filter.js';
import { rootMount } from '../vfs/mount.js';
import { choosePlatform } from './choose-platform.js';
import { changeEnvironment, defaultEnvironment } from './environment.js';
import type { GuestContext } from './guest-process.js';
import { GuestTree } from './guest-tree.js';
import { fillImage, nameMachine } from './image-files.js';
import type { MachineOptions } from './machine-options.js';
import { makeRoot, mountTree, type MountContext } from './mounts.js';
import type { BootFailure, KernelPort } from './protocol.js';
import { findUser, hostUser, type GuestUser } from './user.js';

/** A machine that is ready for processes; `kind` tells a failure from it. */
export function bootMachine(options: MachineOptions, port: KernelPort): GuestContext | BootFailure {
  registerFifos();
  registerUnix();
  registerInet();
  registerNetlink();
  registerFileSystemTypes();
  const unknown = unknownWord(options.trace?.calls ?? []);
  if (unknown !== undefined) return { kind: 'option', message: `traced call ${unknown}: there is none of this name: see skas syscalls` };
  const clock = new TscClock();
  const physmem = PhysMem.create(options.limits.memoryBytes);
  if (isErr(physmem)) {
    return {
      kind: 'unsupported',
      message: `no memory for the guest (${ERRNO_NAMES[-physmem]}): lower the memory limit (-m, limits.memoryBytes)`,
    };
  }
  const platform = choosePlatform(options.platform, physmem);
  if ('kind' in platform) return platform;
  physmem.reclaimers.add({ reclaim: () => (platform.settle?.(), 0) });
  const disk = new DiskQuota(Math.floor(options.limits.diskBytes / PAGE_SIZE));
  const context: MountContext = { physmem, clock, diskBytes: options.limits.diskBytes, disk };
  const root = makeRoot(context, options.root);
  if ('message' in root) return undo(platform, root.message);
  const { hostname, limits } = options;
  const config = { hostname, maxProcesses: limits.processes, memoryBytes: limits.memoryBytes };
  const mount = rootMount(root);
  const machine = new Machine(config, clock, platform, physmem, mount, syscallList());
  machine.disk = disk;
  // Before the first program runs, the machine's owner fills it.
  disk.onRefused = () => (machine.current as Task | undefined) && noteLimit(machine.current.group, 'disk');
  const tree = new GuestTree({ mount, dentry: mount.root });
  const host = hostUser();
  if (options.root?.type === 'unpacked') fillImage(tree, hostname);
  nameMachine(tree, hostname);
  const user = findUser(tree, options.user, host);
  if (!user) return undo(platform, `user ${options.user}: unknown: give UID, UID:GID, or a name in the guest's /etc/passwd`);
  const { uid, gid } = user.cred;
  if (uid !== host.uid || gid !== host.gid) context.mapOwner = { hostUid: host.uid, hostGid: host.gid, uid, gid };
  const devpts = mountTree(context, machine, tree, options);
  if ('message' in devpts) return undo(platform, devpts.message);
  const cwd = settle(tree, user, options);
  if (cwd === undefined)
    return undo(platform, `working directory ${options.cwd}: does not exist in the guest: mount it, or choose another`);
  const env = changeEnvironment(defaultEnvironment(user, process.env), options.env);
  return { machine, tree, devpts, port, limits, env, cwd, user, findUser: (text) => findUser(tree, text, host) };
}

function undo(platform: Platform, message: string): BootFailure {
  platform.shutdown();
  return { kind: 'option', message };
}

function syscallList(): (typeof SYSCALL_TABLE)[number][] {
  const list: (typeof SYSCALL_TABLE)[number][] = [];
  for (const [number, definition] of Object.entries(SYSCALL_TABLE)) list[Number(number)] = definition;
  return list;
}

/** Makes the user's home, finds the working directory, and lets the owner of the machine act as the user. */
function settle(tree: GuestTree, user: GuestUser, options: MachineOptions): string | undefined {
  const { uid, gid } = user.cred;
  if (isErr(tree.find(user.home)) && !isErr(tree.makeDirectories(user.home, 0o755))) {
    const home = tree.find(user.home);
    if (!isErr(home)) home.dentry.inode!.setAttributes({ uid, gid, mode: 0o700 });
  } else {
    ownEmptyHome(tree, user);
  }
  tree.actAs(user.cred);
  const candidates = options.cwd !== undefined ? [options.cwd] : [options.hostCwd, user.home, '/'];
  for (const candidate of candidates) {
    const place = candidate === undefined ? undefined : tree.find(candidate);
    if (place === undefined || isErr(place) || !place.dentry.inode!.isDirectory) continue;
    tree.fs.cwd = place;
    return candidate;
  }
  return undefined;
}

/** The default root shows an empty home directory, whoever it belongs to on the host. */
function ownEmptyHome(tree: GuestTree, user: GuestUser): void {
  if (user.home === '/') return;
  const home = tree.find(user.home);
  if (isErr(home) || home.mount !== tree.root.mount) return;
  const { uid, gid } = user.cred;
  if (home.dentry.inode!.uid !== uid) home.dentry.inode!.setAttributes({ uid, gid });
}

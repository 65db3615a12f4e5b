/** Boots a machine on this thread: memory, platform, tree of files, user. What it cannot have is told, not thrown. */
import { isErr } from '../base/brands.js';
import { EACCES, EPERM, ERRNO_NAMES } from '../abi/errno.js';
import { registerFifos } from '../fs/fifo.js';
import { registerFileSystemTypes } from '../fs/register-types.js';
import { TscClock } from '../host/clock.js';
import { Machine } from '../kernel/machine.js';
import { PhysMem } from '../mm/phys-mem.js';
import { registerUnix } from '../net/unix/family.js';
import type { Platform } from '../platform/platform.js';
import { PtracePlatform } from '../platform/ptrace/ptrace-platform.js';
import { SeccompPlatform } from '../platform/seccomp/seccomp-platform.js';
import { SYSCALL_TABLE } from '../syscalls/table.js';
import { rootMount } from '../vfs/mount.js';
import { changeEnvironment, defaultEnvironment } from './environment.js';
import type { GuestContext } from './guest-process.js';
import { GuestTree } from './guest-tree.js';
import type { MachineOptions } from './machine-options.js';
import { makeRoot, mountTree, type MountContext } from './mounts.js';
import type { BootFailure, KernelPort } from './protocol.js';
import { findUser, hostUser, type GuestUser } from './user.js';

/** A machine that is ready for processes; `kind` tells a failure from it. */
export function bootMachine(options: MachineOptions, port: KernelPort): GuestContext | BootFailure {
  registerFifos();
  registerUnix();
  registerFileSystemTypes();
  const clock = new TscClock();
  const physmem = PhysMem.create(options.limits.memoryBytes);
  if (isErr(physmem)) {
    return {
      kind: 'unsupported',
      message: `no memory for the guest (${ERRNO_NAMES[-physmem]}): lower the memory limit (-m, limits.memoryBytes)`,
    };
  }
  const platform = makePlatform(options, physmem);
  if ('kind' in platform) return platform;
  const context: MountContext = { physmem, clock, diskBytes: options.limits.diskBytes };
  const root = makeRoot(context, options.root);
  if ('message' in root) return undo(platform, root.message);
  const { hostname, limits } = options;
  const config = { hostname, maxProcesses: limits.processes, memoryBytes: limits.memoryBytes };
  const mount = rootMount(root);
  const machine = new Machine(config, clock, platform, physmem, mount, syscallList());
  const tree = new GuestTree({ mount, dentry: mount.root });
  const host = hostUser();
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

function makePlatform(options: MachineOptions, physmem: PhysMem): Platform | BootFailure {
  if (options.platform === 'seccomp' && !(process.env.SKAS_PLATFORMS ?? '').split(',').includes('seccomp')) {
    return {
      kind: 'unsupported',
      message:
        'the seccomp platform is unfinished: use --platform ptrace, or set SKAS_PLATFORMS=seccomp to try it with programs that you trust',
    };
  }
  const platform = options.platform === 'seccomp' ? SeccompPlatform.create(physmem) : PtracePlatform.create(physmem);
  if (!('errno' in platform)) return platform;
  if (options.platform === 'seccomp') {
    const why = `${platform.step} (${ERRNO_NAMES[-platform.errno] ?? platform.errno})`;
    return { kind: 'unsupported', message: `the seccomp platform does not work here: ${why}: use --platform ptrace, or run skas doctor` };
  }
  const denied = platform.errno === EPERM || platform.errno === EACCES;
  const advice = denied
    ? 'ptrace is forbidden here: allow it (docker run --cap-add SYS_PTRACE or a seccomp profile with ptrace; sysctl kernel.yama.ptrace_scope=1)'
    : 'run skas doctor to see what this host lacks';
  return { kind: 'unsupported', message: `${platform.step} (${ERRNO_NAMES[-platform.errno] ?? platform.errno}): ${advice}` };
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

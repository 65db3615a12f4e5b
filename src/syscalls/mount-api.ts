/** The mount API of file descriptors: fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr (Linux: fs/fsopen.c). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { E2BIG, EBADF, EBUSY, EFAULT, EINVAL, ENODEV, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, O_CLOEXEC } from '../abi/fcntl.js';
import * as abi from '../abi/mount.js';
import { MOUNT_ATTR } from '../abi/mount-struct.js';
import { FsContextFile, TreeFile } from '../fs/mount-files.js';
import { fileSystemMaker } from '../kernel/file-system-types.js';
import { changeAttributes, checkAttributeChange, flagsOfAttributes } from '../kernel/mount-attributes.js';
import { isMountRoot, isOwnMount, makeFileSystem, mayMount, setReadOnly } from '../kernel/mounting.js';
import { address, dirfd, fd, flags, int, oneOf, partial, path, ptr, size, syscall, uint } from '../kernel/syscall.js';
import { installFile, lookupPath } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { capableIn } from '../vfs/credentials.js';
import { rootDentry } from '../vfs/dentry.js';
import { Mount, type Mount as MountType } from '../vfs/mount.js';
import { attachTree, copyPlace, moveMount as moveTree, mountBeneath } from '../vfs/mount-tree.js';
import type { Path } from '../vfs/path.js';
import { joinGroupOf } from '../vfs/propagation.js';

const AT_RECURSIVE = 0x8000;
const MAX_BLOB = 1 << 20;
const KEY_LENGTH = 256;

export const fsopen = syscall('fsopen', [address, flags({ FSOPEN_CLOEXEC: abi.FSOPEN_CLOEXEC })], (task, nameAt, options) => {
  if (!mayMount(task)) return EPERM;
  if ((options & ~abi.FSOPEN_CLOEXEC) !== 0) return EINVAL;
  const name = task.mm.copyInString(nameAt, 4096);
  if (isErr(name)) return name === EFAULT ? EFAULT : EINVAL;
  if (!fileSystemMaker(name as ByteString)) return ENODEV;
  return installFile(task, new FsContextFile(name as ByteString, undefined), options !== 0);
});

const PICK_FLAGS = abi.FSPICK_CLOEXEC | abi.FSPICK_SYMLINK_NOFOLLOW | abi.FSPICK_NO_AUTOMOUNT | abi.FSPICK_EMPTY_PATH;

export const fspick = syscall('fspick', [dirfd, path, uint], (task, at, name, options) => {
  if (!mayMount(task)) return EPERM;
  if ((options & ~PICK_FLAGS) !== 0) return EINVAL;
  const empty = (options & abi.FSPICK_EMPTY_PATH) !== 0 ? AT_EMPTY_PATH : 0;
  const place = lookupPath(task, at, name, (options & abi.FSPICK_SYMLINK_NOFOLLOW) === 0, empty);
  if (isErr(place)) return place;
  if (!isMountRoot(place)) return EINVAL;
  const file = new FsContextFile(place.mount.fs.type, place.mount);
  return installFile(task, file, (options & abi.FSPICK_CLOEXEC) !== 0);
});

function contextOf(task: Task, descriptor: number): FsContextFile | Errno {
  const file = task.files.get(descriptor);
  if (!file) return EBADF;
  return file instanceof FsContextFile ? file : EINVAL;
}

const COMMANDS = {
  FSCONFIG_SET_FLAG: abi.FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING: abi.FSCONFIG_SET_STRING,
  FSCONFIG_SET_BINARY: abi.FSCONFIG_SET_BINARY,
  FSCONFIG_SET_PATH: abi.FSCONFIG_SET_PATH,
  FSCONFIG_SET_PATH_EMPTY: abi.FSCONFIG_SET_PATH_EMPTY,
  FSCONFIG_SET_FD: abi.FSCONFIG_SET_FD,
  FSCONFIG_CMD_CREATE: abi.FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE: abi.FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_CMD_CREATE_EXCL: abi.FSCONFIG_CMD_CREATE_EXCL,
};

/** Which of key, value and aux a command takes (Linux: the first switch of fsconfig). */
function checkArguments(command: number, key: GuestAddr, value: GuestAddr, aux: number): 0 | Errno {
  switch (command) {
    case abi.FSCONFIG_SET_FLAG:
      return key === 0 || value !== 0 || aux !== 0 ? EINVAL : 0;
    case abi.FSCONFIG_SET_STRING:
      return key === 0 || value === 0 || aux !== 0 ? EINVAL : 0;
    case abi.FSCONFIG_SET_BINARY:
      return key === 0 || value === 0 || aux <= 0 || aux > MAX_BLOB ? EINVAL : 0;
    case abi.FSCONFIG_SET_PATH:
    case abi.FSCONFIG_SET_PATH_EMPTY:
      return key === 0 || value === 0 || (aux !== AT_FDCWD && aux < 0) ? EINVAL : 0;
    case abi.FSCONFIG_SET_FD:
      return key === 0 || value !== 0 || aux < 0 ? EINVAL : 0;
    case abi.FSCONFIG_CMD_CREATE:
    case abi.FSCONFIG_CMD_CREATE_EXCL:
    case abi.FSCONFIG_CMD_RECONFIGURE:
      return key !== 0 || value !== 0 || aux !== 0 ? EINVAL : 0;
    default:
      return EOPNOTSUPP;
  }
}

export const fsconfig = syscall(
  'fsconfig',
  [fd, oneOf(COMMANDS), address, address, int],
  (task, descriptor, command, keyAt, valueAt, aux) => {
    if (descriptor < 0) return EINVAL;
    const wrong = checkArguments(command, keyAt, valueAt, aux);
    if (wrong !== 0) return wrong;
    const context = contextOf(task, descriptor);
    if (typeof context === 'number') return context;
    if (command === abi.FSCONFIG_CMD_RECONFIGURE) return reconfigure(task, context);
    if (keyAt === 0) return create(task, context);
    const key = task.mm.copyInString(keyAt, KEY_LENGTH);
    if (isErr(key)) return key === EFAULT ? EFAULT : EINVAL;
    if (command === abi.FSCONFIG_SET_FLAG || command === abi.FSCONFIG_SET_FD) return context.set(key as ByteString, undefined);
    const value = task.mm.copyInString(valueAt, 4096);
    if (isErr(value)) return value === EFAULT ? EFAULT : EINVAL;
    return context.set(key as ByteString, value as ByteString);
  },
);

function create(task: Task, context: FsContextFile): 0 | Errno {
  if (context.made || context.picked || context.hasFailed) return EBUSY;
  if (!mayMount(task)) return EPERM;
  const made = makeFileSystem(task, context.type, context.source, context.takeOptions());
  if (typeof made === 'number') {
    context.hasFailed = true;
    return made;
  }
  if (context.readOnly) made.readOnly = true;
  context.made = made;
  return 0;
}

function reconfigure(task: Task, context: FsContextFile): 0 | Errno {
  if (!context.picked) return EBUSY;
  const { fs } = context.picked;
  if (!capableIn(task.cred, fs.userNs, CAP_SYS_ADMIN)) return EPERM;
  const changed = fs.remount(context.takeOptions());
  return changed !== 0 || context.readOnly === undefined ? changed : setReadOnly(fs, context.readOnly);
}

export const fsmount = syscall('fsmount', [fd, uint, uint], (task, descriptor, options, attributes) => {
  if (!mayMount(task)) return EPERM;
  if ((options & ~abi.FSMOUNT_CLOEXEC) !== 0) return EINVAL;
  const mountFlags = flagsOfAttributes(attributes);
  if (isErr(mountFlags)) return mountFlags;
  const context = contextOf(task, descriptor);
  if (typeof context === 'number') return context;
  const fs = context.made;
  if (!fs) return EINVAL;
  if (context.isMounted) return EBUSY;
  context.isMounted = true;
  const mount = new Mount(fs, rootDentry(fs), null, mountFlags, context.source === '' ? 'none' : context.source);
  return openTreeFile(task, { mount, dentry: mount.root }, mount, options !== 0);
});

function openTreeFile(task: Task, place: Path, owned: MountType | undefined, cloexec: boolean): number | Errno {
  return installFile(task, new TreeFile(place, owned), cloexec);
}

const TREE_FLAGS = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | abi.OPEN_TREE_CLONE | O_CLOEXEC;

export const openTree = syscall('open_tree', [dirfd, path, uint], (task, at, name, options) => {
  if ((options & ~TREE_FLAGS) !== 0) return EINVAL;
  const clones = (options & abi.OPEN_TREE_CLONE) !== 0;
  if ((options & AT_RECURSIVE) !== 0 && !clones) return EINVAL;
  if (clones && !mayMount(task)) return EPERM;
  const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
  if (isErr(place)) return place;
  const cloexec = (options & O_CLOEXEC) !== 0;
  if (!clones) return openTreeFile(task, place, undefined, cloexec);
  if (!isOwnMount(task, place.mount)) return EINVAL;
  const copy = copyPlace(place, (options & AT_RECURSIVE) !== 0);
  return isErr(copy) ? copy : openTreeFile(task, { mount: copy, dentry: copy.root }, copy, cloexec);
});

const MOVE_FLAGS = 0x377;

export const moveMount = syscall('move_mount', [dirfd, path, dirfd, path, uint], (task, fromAt, fromName, toAt, toName, options) => {
  if (!mayMount(task)) return EPERM;
  const beneath = (options & abi.MOVE_MOUNT_BENEATH) !== 0;
  const setsGroup = (options & abi.MOVE_MOUNT_SET_GROUP) !== 0;
  if ((options & ~MOVE_FLAGS) !== 0 || (beneath && setsGroup)) return EINVAL;
  const fromEmpty = (options & abi.MOVE_MOUNT_F_EMPTY_PATH) !== 0 ? AT_EMPTY_PATH : 0;
  const from = lookupPath(task, fromAt, fromName, (options & abi.MOVE_MOUNT_F_SYMLINKS) !== 0, fromEmpty);
  if (isErr(from)) return from;
  const toEmpty = (options & abi.MOVE_MOUNT_T_EMPTY_PATH) !== 0 ? AT_EMPTY_PATH : 0;
  const to = lookupPath(task, toAt, toName, (options & abi.MOVE_MOUNT_T_SYMLINKS) !== 0, toEmpty);
  if (isErr(to)) return to;
  if (!isMountRoot(from) || !isOwnMount(task, to.mount) || !isMovable(task, from.mount)) return EINVAL;
  if (setsGroup) return isMountRoot(to) ? joinGroupOf(from.mount, to.mount) : EINVAL;
  if (beneath) return isMountRoot(to) ? mountBeneath(from.mount, to.mount) : EINVAL;
  return from.mount.mountPoint === null ? attachTree(from.mount, to) : moveTree(from.mount, to);
});

/** In the own namespace, or the top of a tree that is in none. */
function isMovable(task: Task, mount: MountType): boolean {
  return isOwnMount(task, mount) || (mount.namespace === undefined && mount.mountPoint === null && !mount.isInternal);
}

const SETATTR_FLAGS = AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;

export const mountSetattr = syscall(
  'mount_setattr',
  [dirfd, path, uint, ptr(MOUNT_ATTR), size],
  (task, at, name, options, attributesAt, length) => {
    if ((options & ~SETATTR_FLAGS) !== 0) return EINVAL;
    if (length > 4096) return E2BIG;
    if (length < abi.MOUNT_ATTR_SIZE_VER0) return EINVAL;
    if (!mayMount(task)) return EPERM;
    const bytes = new Uint8Array(length);
    if (isErr(task.copyIn(attributesAt, bytes))) return EFAULT;
    if (bytes.subarray(MOUNT_ATTR.size).some((byte) => byte !== 0)) return E2BIG;
    const change = MOUNT_ATTR.read(new DataView(bytes.buffer), 0);
    if (change.attrSet === 0 && change.attrClr === 0 && change.propagation === 0) return 0;
    const wrong = checkAttributeChange(change);
    if (wrong !== 0) return wrong;
    const place = lookupPath(task, at, name, (options & AT_SYMLINK_NOFOLLOW) === 0, options);
    if (isErr(place)) return place;
    if (!isMountRoot(place) || !isMovable(task, place.mount)) return EINVAL;
    return changeAttributes(place.mount, (options & AT_RECURSIVE) !== 0, change);
  },
  partial('no MOUNT_ATTR_IDMAP'),
);

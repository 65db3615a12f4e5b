/** statmount(2), listmount(2) (Linux: fs/namespace.c): mounts by the ids that statx(2) gives with STATX_MNT_ID_UNIQUE. */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { E2BIG, EFAULT, EINVAL, ENOENT, EOVERFLOW, EPERM } from '../abi/errno.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import {
  LISTMOUNT_REVERSE,
  MNT_ID_REQ_SIZE_VER0,
  MS_PRIVATE,
  MS_RDONLY,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  STATMOUNT_FS_TYPE,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_NS_ID,
  STATMOUNT_MNT_OPTS,
  STATMOUNT_MNT_POINT,
  STATMOUNT_MNT_ROOT,
  STATMOUNT_PROPAGATE_FROM,
  STATMOUNT_SB_BASIC,
} from '../abi/mount.js';
import { MNT_ID_REQ, STATMOUNT } from '../abi/mount-struct.js';
import { attributesOfFlags } from '../kernel/mount-attributes.js';
import { address, flags, ptr, size, syscall, uint } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { capableIn } from '../vfs/credentials.js';
import type { Mount } from '../vfs/mount.js';
import { inOrder, mountPointText, rootPathOf } from '../vfs/mount-list.js';
import { pathWithin, type Path } from '../vfs/path.js';

const LSMT_ROOT = 2n ** 64n - 1n;
const FIRST_UNIQUE_ID = 0x80000000n;
/** struct statmount with all that may come. */
const STATMOUNT_SIZE = 512;
const MOST_IDS = 1_000_000;

interface Request {
  mntId: bigint;
  param: bigint;
}

function readRequest(task: Task, at: GuestAddr): Request | Errno {
  const length = task.mm.readU32(at);
  if (isErr(length)) return length;
  if (length < MNT_ID_REQ_SIZE_VER0) return EINVAL;
  if (length > 4096) return E2BIG;
  const bytes = new Uint8Array(length);
  if (isErr(task.copyIn(at, bytes))) return EFAULT;
  // A namespace by its id may be named in the 8 bytes behind: only the own one is known.
  if (bytes.subarray(MNT_ID_REQ.size).some((byte) => byte !== 0)) return length > 32 ? E2BIG : ENOENT;
  const request = MNT_ID_REQ.read(new DataView(bytes.buffer), 0);
  return request.spare !== 0 || request.mntId <= FIRST_UNIQUE_ID ? EINVAL : request;
}

function find(task: Task, id: bigint): Mount | undefined {
  return inOrder(task.nsproxy.mnt.root).find((mount) => BigInt(mount.uniqueId) === id);
}

/** Seen from the caller's root, or one who may do anything with mounts. */
function mayKnow(task: Task, mount: Mount): boolean {
  if (pathWithin({ mount, dentry: mount.root }, task.fs.root) !== undefined) return true;
  return capableIn(task.cred, task.nsproxy.mnt.owner!, CAP_SYS_ADMIN);
}

export const listmount = syscall(
  'listmount',
  [ptr(MNT_ID_REQ), address, size, flags({ LISTMOUNT_REVERSE })],
  (task, requestAt, out, count, options) => {
    if ((options & ~LISTMOUNT_REVERSE) !== 0) return EINVAL;
    if (count > MOST_IDS) return EOVERFLOW;
    const request = readRequest(task, requestAt);
    if (isErr(request)) return request;
    const { mntId, param } = request as Request;
    if (param !== 0n && param <= FIRST_UNIQUE_ID) return EINVAL;
    const isRoot = mntId === LSMT_ROOT;
    const top = isRoot ? task.fs.root.mount : find(task, mntId);
    if (!top) return ENOENT;
    if (!isRoot && !mayKnow(task, top)) return EPERM;
    const root = isRoot ? task.fs.root : { mount: top, dentry: top.root };
    return storeIds(task, idsBeneath(task, root, isRoot, Number(param), options !== 0).slice(0, count), out);
  },
);

function idsBeneath(task: Task, root: Path, inclusive: boolean, after: number, reverse: boolean): number[] {
  const ids = inOrder(task.nsproxy.mnt.root)
    .filter((mount) => (inclusive || mount !== root.mount) && pathWithin({ mount, dentry: mount.root }, root) !== undefined)
    .map((mount) => mount.uniqueId);
  if (reverse) ids.reverse();
  return after === 0 ? ids : ids.filter((id) => (reverse ? id < after : id > after));
}

function storeIds(task: Task, ids: readonly number[], out: GuestAddr): number {
  const bytes = new Uint8Array(new BigUint64Array(ids.map(BigInt)).buffer);
  return ids.length > 0 && isErr(task.copyOut(out, bytes)) ? EFAULT : ids.length;
}

function propagationFlags(mount: Mount): number {
  const flags = (mount.peers ? MS_SHARED : 0) | (mount.master ? MS_SLAVE : 0) | (mount.unbindable ? MS_UNBINDABLE : 0);
  return flags === 0 ? MS_PRIVATE : flags;
}

export const statmount = syscall('statmount', [ptr(MNT_ID_REQ), address, size, uint], (task, requestAt, out, length, options) => {
  if (options !== 0) return EINVAL;
  const request = readRequest(task, requestAt);
  if (isErr(request)) return request;
  const { mntId, param } = request as Request;
  const mount = find(task, mntId);
  if (!mount) return ENOENT;
  if (!mayKnow(task, mount)) return EPERM;
  const bytes = describe(task, mount, Number(BigInt.asUintN(32, param)));
  if (bytes.length > STATMOUNT_SIZE && length < bytes.length) return EOVERFLOW;
  return task.copyOut(out, bytes.subarray(0, Math.min(length, bytes.length)));
});

/** What `mask` asks for: the struct, and the strings behind it. */
function describe(task: Task, mount: Mount, mask: number): Uint8Array {
  const record = STATMOUNT.zero();
  let text = '';
  const put = (flag: number, value: () => string): number => {
    if ((mask & flag) === 0) return 0;
    record.mask += flag;
    const at = text.length;
    text += value() + '\0';
    return at;
  };
  if ((mask & STATMOUNT_SB_BASIC) !== 0) {
    record.mask += STATMOUNT_SB_BASIC;
    record.sbDevMinor = mount.fs.device;
    record.sbMagic = mount.fs.statistics().type;
    record.sbFlags = mount.fs.readOnly ? MS_RDONLY : 0;
  }
  if ((mask & STATMOUNT_MNT_BASIC) !== 0) {
    const parent = mount.mountPoint?.mount ?? mount;
    record.mask += STATMOUNT_MNT_BASIC;
    record.mntId = mount.uniqueId;
    record.mntParentId = parent.uniqueId;
    record.mntIdOld = mount.id;
    record.mntParentIdOld = parent.id;
    record.mntAttr = attributesOfFlags(mount.flags);
    record.mntPropagation = propagationFlags(mount);
    record.mntPeerGroup = mount.peers?.id ?? 0;
    record.mntMaster = mount.master?.id ?? 0;
  }
  if ((mask & STATMOUNT_PROPAGATE_FROM) !== 0) {
    record.mask += STATMOUNT_PROPAGATE_FROM;
    record.propagateFrom = mount.master?.id ?? 0;
  }
  if ((mask & STATMOUNT_MNT_NS_ID) !== 0) {
    record.mask += STATMOUNT_MNT_NS_ID;
    record.mntNsId = mount.namespace!.ino;
  }
  record.mntRoot = put(STATMOUNT_MNT_ROOT, () => rootPathOf(mount));
  record.mntPoint = put(STATMOUNT_MNT_POINT, () => mountPointText(mount, task.fs.root));
  record.fsType = put(STATMOUNT_FS_TYPE, () => mount.fs.type);
  record.mntOpts = put(STATMOUNT_MNT_OPTS, () => mount.fs.mountOptions().slice(1));
  const bytes = new Uint8Array(STATMOUNT_SIZE + text.length);
  record.size = bytes.length;
  STATMOUNT.write(new DataView(bytes.buffer), 0, record);
  bytes.set(bytesOf(text), STATMOUNT_SIZE);
  return bytes;
}

/** NUMA policies of a machine with one node (set_mempolicy(2), mbind(2), get_mempolicy(2), move_pages(2)): checked, stored nowhere. */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { E2BIG, EFAULT, EINVAL, ENODEV, ENOENT, EPERM, ESRCH } from '../abi/errno.js';
import {
  MPOL_DEFAULT,
  MPOL_F_ADDR,
  MPOL_F_MEMS_ALLOWED,
  MPOL_F_NODE,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_LOCAL,
  MPOL_WEIGHTED_INTERLEAVE,
} from '../abi/mempolicy.js';
import { mayAccess } from '../kernel/task-access.js';
import { address, int, partial, pid, size, syscall, ulong, uint } from '../kernel/syscall.js';
import { taskByPid } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';

const ONE_NODE = partial('one node: policies are checked and ignored');
const MODE_FLAGS = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
const MAX_NODES = PAGE_SIZE * 8;

/** Checks a mode and a node mask: only node 0 exists. */
function checkPolicy(task: Task, modeAndFlags: number, maskAt: GuestAddr, maxNode: number): 0 | Errno {
  const mode = modeAndFlags & ~MODE_FLAGS;
  if (mode < 0 || mode > MPOL_WEIGHTED_INTERLEAVE || (modeAndFlags & MODE_FLAGS) === MODE_FLAGS) return EINVAL;
  if (maxNode > MAX_NODES) return EINVAL;
  const nodes = maskAt === 0 || maxNode <= 1 ? 0 : task.mm.readU64(maskAt);
  if (isErr(nodes)) return nodes;
  if (mode === MPOL_DEFAULT || mode === MPOL_LOCAL) return nodes !== 0 ? EINVAL : 0;
  return nodes % 2 === 1 ? 0 : EINVAL;
}

export const setMempolicy = syscall(
  'set_mempolicy',
  [int, address, ulong],
  (task, mode, maskAt, maxNode) => checkPolicy(task, mode, maskAt, maxNode),
  ONE_NODE,
);

export const mbind = syscall(
  'mbind',
  [address, size, int, address, ulong, uint],
  (task, at, length, mode, maskAt, maxNode, mbindFlags) => {
    if ((mbindFlags & ~7) !== 0 || at % PAGE_SIZE !== 0) return EINVAL;
    if (!task.mm.isGuestRange(at, length)) return EINVAL;
    const checked = checkPolicy(task, mode, maskAt, maxNode);
    if (isErr(checked) || length === 0) return checked;
    return task.mm.vmas.find(at) === undefined ? EFAULT : 0;
  },
  ONE_NODE,
);

export const getMempolicy = syscall(
  'get_mempolicy',
  [address, address, ulong, address, ulong],
  (task, modeAt, maskAt, maxNode, at, getFlags) => {
    if (getFlags > (MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) return EINVAL;
    if ((getFlags & MPOL_F_MEMS_ALLOWED) !== 0 && getFlags !== MPOL_F_MEMS_ALLOWED) return EINVAL;
    if ((getFlags & MPOL_F_ADDR) !== 0 ? task.mm.vmas.find(at) === undefined : at !== 0)
      return (getFlags & MPOL_F_ADDR) !== 0 ? EFAULT : EINVAL;
    if (modeAt !== 0 && isErr(task.mm.writeU32(modeAt, MPOL_DEFAULT))) return EFAULT;
    if (maskAt === 0) return 0;
    if (maxNode < 1 || maxNode > MAX_NODES) return EINVAL;
    const bytes = Math.ceil(maxNode / 64) * 8;
    const mask = new Uint8Array(bytes);
    mask[0] = (getFlags & MPOL_F_MEMS_ALLOWED) !== 0 ? 1 : 0;
    return task.mm.copyOut(maskAt, mask);
  },
  ONE_NODE,
);

export const setMempolicyHomeNode = syscall(
  'set_mempolicy_home_node',
  [address, size, ulong, ulong],
  (_task, at, _length, node, none) => (at % PAGE_SIZE !== 0 || none !== 0 || node > 0 ? EINVAL : 0),
  ONE_NODE,
);

export const migratePages = syscall(
  'migrate_pages',
  [pid, ulong, address, address],
  (task, id, maxNode, oldAt, newAt) => {
    if (maxNode > MAX_NODES) return EINVAL;
    const target = id === 0 ? task : taskByPid(task, id);
    if (target === undefined) return ESRCH;
    if (!mayAccess(task, target)) return EPERM;
    return isErr(task.mm.readU64(oldAt)) || isErr(task.mm.readU64(newAt)) ? EFAULT : 0;
  },
  ONE_NODE,
);

/** Pages of one move_pages call that are looked at; more is E2BIG. */
const MAX_MOVED = 1 << 20;

export const movePages = syscall(
  'move_pages',
  [pid, ulong, address, address, address, int],
  (task, id, count, pagesAt, nodesAt, statusAt, moveFlags) => {
    if ((moveFlags & ~6) !== 0) return EINVAL;
    if (count > MAX_MOVED) return E2BIG;
    const target = id === 0 ? task : taskByPid(task, id);
    if (target === undefined) return ESRCH;
    if (!mayAccess(task, target)) return EPERM;
    for (let i = 0; i < count; i++) {
      const page = task.mm.readU64(pagesAt + i * 8);
      if (isErr(page)) return page;
      if (nodesAt !== 0) {
        const node = task.mm.readU32(nodesAt + i * 4);
        if (isErr(node)) return node;
        if (node !== 0) return ENODEV;
      }
      const status = target.mm.extents.find(page) !== undefined ? 0 : target.mm.vmas.find(page) !== undefined ? ENOENT : EFAULT;
      const stored = task.mm.writeU32(statusAt + i * 4, status >>> 0);
      if (isErr(stored)) return stored;
    }
    return 0;
  },
  ONE_NODE,
);

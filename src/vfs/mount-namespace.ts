/** Mount namespaces (Linux: struct mnt_namespace, fs/namespace.c copy_mnt_ns; mount_namespaces(7)): each has a tree of its own. */
import { isErr, type Errno } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { POLLERR, POLLPRI } from '../abi/poll.js';
import type { FsContext } from './fs-context.js';
import { mountsBeneath, type Mount } from './mount.js';
import { discardTree, copyTree, lockTree } from './propagation.js';
import { Namespace } from './namespace.js';
import type { Path } from './path.js';
import type { UserNamespace } from './user-namespace.js';

export class MountNamespace extends Namespace {
  readonly kind = 'mnt';
  /** Counts what has been mounted and unmounted; those who look at /proc/PID/mounts are woken. */
  change = 0;
  readonly watchers = new WaitQueue();

  constructor(
    owner: UserNamespace,
    isFirst: boolean,
    public root: Mount,
  ) {
    super('mnt', owner, isFirst);
    takeIn(this, root);
  }

  noteChange(): void {
    this.change++;
    this.watchers.wake(POLLERR | POLLPRI);
  }

  protected override onUnused(): void {
    const { root } = this;
    takeIn(undefined, root);
    discardTree(root);
  }
}

/** The tree belongs to `namespace` from now on. */
export function takeIn(namespace: MountNamespace | undefined, tree: Mount): void {
  for (const mount of mountsBeneath(tree)) mount.namespace = namespace;
}

/** A namespace with a copy of `old`'s mounts; root and working directory of `fs` are moved to the copies. */
export function copyMountNamespace(old: MountNamespace, owner: UserNamespace, fs: FsContext): MountNamespace | Errno {
  const copies = new Map<Mount, Mount>();
  const isForeign = owner !== old.owner;
  const root = copyTree(old.root, old.root.root, {
    kind: isForeign ? 'slave-of-shared' : 'same',
    recursive: true,
    unbindable: true,
    onCopy: (mount, copy) => copies.set(mount, copy),
  });
  if (isErr(root)) return root;
  if (isForeign) lockTree(root);
  const namespace = new MountNamespace(owner, false, root);
  fs.root = inCopy(fs.root, copies);
  fs.cwd = inCopy(fs.cwd, copies);
  return namespace;
}

function inCopy(path: Path, copies: ReadonlyMap<Mount, Mount>): Path {
  const mount = copies.get(path.mount);
  return mount ? { mount, dentry: path.dentry } : path;
}

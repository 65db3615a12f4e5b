/**
 * What all kinds of namespaces have in common (Linux: struct ns_common; namespaces(7)): a number, an owner, and a life that ends
 * when no task and no file refers to them any more.
 */
import type { UserNamespace } from './user-namespace.js';

export type NamespaceKind = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts';

/** Numbers of the first namespaces, as on every Linux (include/linux/proc_ns.h); those of mnt and net are the usual ones. */
const FIRST_INO: Readonly<Record<NamespaceKind, number>> = {
  time: 0xeffffffa,
  cgroup: 0xeffffffb,
  pid: 0xeffffffc,
  user: 0xeffffffd,
  uts: 0xeffffffe,
  ipc: 0xefffffff,
  net: 0xf0000000,
  mnt: 0xf0000001,
};

let lastIno = 0xf0000100;

/** Namespaces of all kinds that may live at a time (Linux: user.max_*_namespaces): each is some kilobytes of the kernel's heap. */
const MAX_NAMESPACES = 4096;
let liveNamespaces = 0;

/** ENOSPC for more. */
export function areNamespacesExhausted(): boolean {
  return liveNamespaces >= MAX_NAMESPACES;
}

export abstract class Namespace {
  abstract readonly kind: NamespaceKind;
  /** The number in its link: 'uts:[4026531838]'. */
  readonly ino: number;
  /** Tasks (by their nsproxy) and other namespaces that refer to it. */
  private users = 0;
  private counted = false;
  private ended = false;
  /** The inode behind /proc/PID/ns links, made when it is first asked for: fs/nsfs.ts. */
  inode: import('./inode.js').Inode | undefined = undefined;

  /** `owner`: the user namespace whose capabilities rule it (of a user namespace: its parent); null for the first one. */
  constructor(
    kind: NamespaceKind,
    readonly owner: UserNamespace | null,
    isFirst: boolean,
  ) {
    this.ino = isFirst ? FIRST_INO[kind] : ++lastIno;
  }

  hold(): this {
    this.users++;
    if (!this.counted) {
      this.counted = true;
      liveNamespaces++;
    }
    return this;
  }

  drop(): void {
    this.users--;
    this.settle();
  }

  /** Ends it when nothing refers to it: asked when a user went, or the last file on its inode. */
  settle(): void {
    if (this.ended || this.users > 0 || (this.inode !== undefined && this.inode.references > 0)) return;
    this.ended = true;
    if (this.counted) liveNamespaces--;
    this.onUnused();
  }

  /** Gives back what it kept alive. */
  protected onUnused(): void {}
}

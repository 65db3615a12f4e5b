/**
 * Process id namespaces (Linux: kernel/pid_namespace.c, kernel/pid.c; pid_namespaces(7)).
 *
 * In Linux a process has an id in its namespace and in each above it, and a struct pid holds them all. Here the kernel knows
 * tasks, processes and process groups by their id in the first namespace; a namespace maps those of its members to its own ids.
 * Ids are translated where they come from a guest and where they go to one; in the first namespace that costs one comparison.
 */
import type { Pid } from '../base/brands.js';
import { Namespace } from '../vfs/namespace.js';
import { INITIAL_USER_NAMESPACE, type UserNamespace } from '../vfs/user-namespace.js';
import { nextFreePid } from './pids.js';
import type { Machine } from './machine.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';

/** Nesting that Linux allows. */
export const MAX_PID_NS_LEVEL = 32;

export class PidNamespace extends Namespace {
  readonly kind = 'pid';
  readonly level: number;
  /** Its process 1; undefined before there is one, and in the first namespace (Machine.init). */
  init: ThreadGroup | undefined = undefined;
  /** Its process 1 has ended: nothing can enter any more. */
  dead = false;
  /** The id given last. */
  lastPid: Pid = 0;
  private readonly own = new Map<Pid, Pid>();
  private readonly global = new Map<Pid, Pid>();

  constructor(
    readonly parent: PidNamespace | null,
    owner: UserNamespace,
  ) {
    super('pid', owner, parent === null);
    this.level = parent === null ? 0 : parent.level + 1;
    parent?.hold();
  }

  /** What `pid`, an id of the first namespace, is called here; 0: not a member. */
  idOf(pid: Pid): Pid {
    return this.parent === null ? pid : (this.own.get(pid) ?? 0);
  }

  /** The id in the first namespace of what is called `id` here; 0: nothing is. */
  globalOf(id: Pid): Pid {
    return this.parent === null ? id : (this.global.get(id) ?? 0);
  }

  /** Members, by their ids here, ascending. */
  memberIds(): Pid[] {
    return [...this.global.keys()].sort((a, b) => a - b);
  }

  enter(pid: Pid): Pid {
    const id = nextFreePid(this.lastPid, (candidate) => this.global.has(candidate));
    this.lastPid = id;
    this.own.set(pid, id);
    this.global.set(id, pid);
    return id;
  }

  leave(pid: Pid): void {
    const id = this.own.get(pid);
    if (id === undefined) return;
    this.own.delete(pid);
    this.global.delete(id);
  }

  isWithin(ancestor: PidNamespace): boolean {
    for (let at: PidNamespace | null = this; at; at = at.parent) if (at === ancestor) return true;
    return false;
  }

  protected override onUnused(): void {
    this.parent?.drop();
  }
}

export const INITIAL_PID_NAMESPACE = new PidNamespace(null, INITIAL_USER_NAMESPACE);

/** Gives a new task its ids in `ns` and those above, but for the first; answers the one in `ns`. */
export function enterPidNamespaces(machine: Machine, pid: Pid, ns: PidNamespace): Pid {
  if (ns.parent === null) return pid;
  machine.nestedPids.set(pid, ns);
  for (let at = ns.parent; at.parent !== null; at = at.parent) at.enter(pid);
  return ns.enter(pid);
}

/** After an id of the first namespace lost a user: without any left it is free in all namespaces. */
export function forgetPid(machine: Machine, pid: Pid): void {
  const ns = machine.nestedPids.get(pid);
  if (ns === undefined || machine.tasks.has(pid) || machine.groups.has(pid) || machine.processGroups.has(pid)) return;
  machine.nestedPids.delete(pid);
  for (let at: PidNamespace | null = ns; at; at = at.parent) at.leave(pid);
}

/** The task that `caller` calls `id`. */
export function taskByPid(caller: Task, id: Pid): Task | undefined {
  const ns = caller.group.pidNs;
  return caller.machine.tasks.get(ns.parent === null ? id : ns.globalOf(id));
}

/** What `pid` is called in `ns`; 0: nothing. */
export function pidIn(ns: PidNamespace, pid: Pid): Pid {
  return ns.parent === null ? pid : ns.idOf(pid);
}

/** What `viewer` calls a process, thread, group or session that the kernel knows as `pid`; 0: it cannot see it. */
export function pidFor(viewer: Task, pid: Pid): Pid {
  const ns = viewer.group.pidNs;
  return ns.parent === null ? pid : ns.idOf(pid);
}

/** The other way: the kernel's id for what `viewer` calls `id`; 0: nothing. Negative ids are process groups. */
export function globalPid(viewer: Task, id: Pid): Pid {
  const ns = viewer.group.pidNs;
  if (ns.parent === null) return id;
  return id < 0 ? -ns.globalOf(-id) : ns.globalOf(id);
}

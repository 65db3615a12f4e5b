/** Process groups and sessions (Linux: kernel/pid.c, drivers/tty/tty_jobctrl.c; setpgid(2), setsid(2)). */
import { isErr, type Errno, type Pid } from '../base/brands.js';
import { EACCES, EINVAL, EPERM, ESRCH } from '../abi/errno.js';
import { forgetPid } from './pid-namespace.js';
import type { Machine } from './machine.js';
import type { ThreadGroup } from './thread-group.js';

/** A terminal as a session sees it; fs/devpts implements it. */
export interface ControllingTerminal {
  /** Device number, for /proc/PID/stat. */
  readonly device: number;
  foreground: ProcessGroup | undefined;
  /** The session leader is gone; SIGHUP and SIGCONT have been sent to the foreground group. */
  onSessionEnd(): void;
}

export class Session {
  readonly groups = new Set<ProcessGroup>();
  terminal: ControllingTerminal | undefined = undefined;
  /** Foreground group of a terminal that hung up: it hears of it when the leader ends (Linux: signal->tty_old_pgrp). */
  lastForeground: ProcessGroup | undefined = undefined;
  constructor(readonly id: Pid) {}
}

export class ProcessGroup {
  readonly members = new Set<ThreadGroup>();
  constructor(
    readonly id: Pid,
    readonly session: Session,
  ) {
    session.groups.add(this);
  }
}

/** The controlling terminal as this process sees it. */
export function terminalOf(process: ThreadGroup): ControllingTerminal | undefined {
  return process.withoutTerminal ? undefined : process.processGroup.session.terminal;
}

/** A new session with a process group of the same id. The caller moves the process into it. */
export function newSession(machine: Machine, id: Pid): ProcessGroup {
  const group = new ProcessGroup(id, new Session(id));
  machine.processGroups.set(id, group);
  return group;
}

/** Moves a process to another process group; groups and sessions without members vanish. */
export function moveToGroup(machine: Machine, process: ThreadGroup, group: ProcessGroup): void {
  if (process.processGroup === group && group.members.has(process)) return;
  // A new process is made with its group and enters it here: it leaves none, or the empty group would vanish.
  if (process.processGroup !== group) leaveGroup(machine, process);
  process.processGroup = group;
  group.members.add(process);
}

export function leaveGroup(machine: Machine, process: ThreadGroup): void {
  const old = process.processGroup;
  // A new process names its group before it is a member.
  if (!old.members.delete(process) || old.members.size > 0) return;
  old.session.groups.delete(old);
  machine.processGroups.delete(old.id);
  forgetPid(machine, old.id);
  if (old.session.terminal?.foreground === old) old.session.terminal.foreground = undefined;
}

/** setsid(2): the new session's id, or EPERM for a leader of a process group. */
export function setsid(machine: Machine, process: ThreadGroup): number | Errno {
  if (machine.processGroups.has(process.pid)) return EPERM;
  moveToGroup(machine, process, newSession(machine, process.pid));
  process.withoutTerminal = false;
  return process.pid;
}

/** setpgid(2), as called by `caller`. */
export function setpgid(machine: Machine, caller: ThreadGroup, pid: Pid, pgid: Pid): 0 | Errno {
  if (pgid < 0 || (pgid === 0 && pid < 0)) return EINVAL;
  const process = pid === 0 ? caller : machine.groups.get(pid);
  if (!process || (process !== caller && process.parent !== caller)) return ESRCH;
  const { session } = process.processGroup;
  if (process !== caller) {
    if (session !== caller.processGroup.session) return EPERM;
    if (process.hasExeced) return EACCES;
  }
  if (session.id === process.pid) return EPERM;
  const id = pgid === 0 ? process.pid : pgid;
  const target = groupFor(machine, process, id, session);
  if (isErr(target)) return target;
  moveToGroup(machine, process, target);
  return 0;
}

function groupFor(machine: Machine, process: ThreadGroup, id: Pid, session: Session): ProcessGroup | Errno {
  const existing = machine.processGroups.get(id);
  if (existing) return existing.session === session ? existing : EPERM;
  if (id !== process.pid) return EPERM;
  const group = new ProcessGroup(id, session);
  machine.processGroups.set(id, group);
  return group;
}

/** An orphaned process group: no living member has a parent in the same session but another group (POSIX). */
export function isOrphaned(group: ProcessGroup): boolean {
  for (const member of group.members) {
    const { parent } = member;
    if (member.exitStatus !== undefined || !parent) continue;
    if (parent.processGroup !== group && parent.processGroup.session === group.session) return false;
  }
  return true;
}

/** Process groups and sessions (Linux: kernel/pid.c, drivers/tty/tty_jobctrl.c; credentials(7)). */
import type { Pid } from '../base/brands.js';
import type { ThreadGroup } from './thread-group.js';

/** A terminal as a session sees it; fs/devpts implements it. */
export interface ControllingTerminal {
  /** Device number, for /proc/PID/stat. */
  readonly device: number;
  foreground: ProcessGroup | undefined;
  /** The session leader is gone: SIGHUP and SIGCONT to the foreground group have been sent by the caller. */
  onSessionEnd(): void;
}

export class Session {
  readonly groups = new Set<ProcessGroup>();
  terminal: ControllingTerminal | undefined;
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

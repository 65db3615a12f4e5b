/** A guest thread (Linux: struct task_struct). thread-group.ts holds what the threads of a process share. */
import type { Errno, Pid } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { WaitQueue } from '../base/wait-queue.js';
import type { AddressSpace } from '../mm/address-space.js';
import type { HostThread } from '../platform/platform.js';
import type { Credentials } from '../vfs/credentials.js';
import type { FdTable } from '../vfs/fd-table.js';
import type { FsContext } from '../vfs/fs-context.js';
import type { IoctlCaller } from '../vfs/open-file.js';
import type { Machine } from './machine.js';
import type { NsProxy } from './nsproxy.js';
import { Sleeper } from './scheduler.js';
import type { TaskKeyrings } from './keys/task-keyrings.js';
import type { UndoList } from './ipc/sem-undo.js';
import { WORK_SECCOMP, type Trace } from './ptrace/trace.js';
import { Scheduling } from './scheduling.js';
import type { Filter } from './seccomp/seccomp.js';
import type { ThreadGroup } from './thread-group.js';
import type { TaskSignals } from './signals/task-signals.js';

export class Task implements IoctlCaller {
  /** Runs or can run, waits, stopped by a signal, ended but not reaped (group leaders only), gone. */
  state: 'running' | 'blocked' | 'stopped' | 'zombie' | 'dead' = 'running';
  /** comm, at most 15 bytes. */
  name = '';
  /** A system call that waits: resumed by the run loop. */
  blocked: Blocking<number> | undefined = undefined;
  /** Number of the system call being served, for restarts and strace; -1 outside of one. */
  syscallNumber = -1;
  /** On the machine's ready list. */
  ready = false;
  readonly sleeper: Sleeper;
  /** Handed to the fault handler: asks the platform what kind of access it was. */
  readonly completeFault = (): void => this.thread.completeFault();
  /** Futex word to clear and wake at exit (set_tid_address, CLONE_CHILD_CLEARTID). */
  clearChildTid = 0;
  robustList = 0;
  /** prctl(PR_SET_NO_NEW_PRIVS). */
  noNewPrivs = false;
  personality = 0;
  timerSlackNs = 50_000;
  /** What PR_SET_TIMERSLACK 0 goes back to: the creating thread's. */
  defaultTimerSlackNs = 50_000;
  /** Who logged in, for audits: set once by what lets a user in, kept through su(1) and sudo(8); -1: nobody did. */
  loginUid = -1;
  /** Number of that login; -1: none. */
  loginSession = -1;
  scheduling = new Scheduling();
  /** exit has walked the robust list and cleared the child tid. */
  futexesReleased = false;
  /** Traced by another task: see ptrace/trace.ts. */
  trace: Trace | undefined = undefined;
  /** Tasks that this one traces, ended ones that it has not waited for included. */
  readonly tracees = new Set<Task>();
  /** WORK_* of ptrace/trace.ts: what a system call needs besides the call. */
  syscallWork = 0;
  /** SECCOMP_MODE_*, and the newest filter. */
  seccompMode = 0;
  seccompFilter: Filter | undefined = undefined;
  /** `exitWork` of dispatch.ts is under way. */
  inExitWork = false;
  /** A tracer let it go on in spite of the stop of its process. */
  stopPassed = false;
  /** Woken, and forgotten, at the next trap: membarrier(2) waits for it. */
  trapQueue: WaitQueue | undefined = undefined;
  /** What SEM_UNDO has to take back; shared by CLONE_SYSVSEM. */
  semUndo: UndoList | undefined = undefined;
  /** Key rings of its own: see keys/task-keyrings.ts. */
  keyrings: TaskKeyrings | undefined = undefined;
  /** Changed by `switchNamespaces` only. */
  nsproxy: NsProxy;
  /** `tid` in the task's own pid namespace: what it and futex words know. */
  nsTid: Pid;
  /** A task in vfork waits here until the child has exec'd or exited. */
  readonly vforkDone = new WaitQueue();

  constructor(
    readonly machine: Machine,
    /** Thread id; the process id is `group.pid`. */
    public tid: Pid,
    public group: ThreadGroup,
    public thread: HostThread,
    public mm: AddressSpace,
    /** Shared by CLONE_FILES. */
    public files: FdTable,
    /** cwd, root, umask; shared by CLONE_FS. */
    public fs: FsContext,
    public cred: Credentials,
    public signals: TaskSignals,
  ) {
    this.sleeper = new Sleeper(this);
    this.nsproxy = machine.nsproxy.hold();
    this.nsTid = tid;
  }

  /** What clone passes on besides what the constructor is given. */
  inherit(parent: Task): void {
    this.noNewPrivs = parent.noNewPrivs;
    this.seccompMode = parent.seccompMode;
    this.seccompFilter = parent.seccompFilter;
    this.syscallWork = parent.syscallWork & WORK_SECCOMP;
    this.keyrings = parent.keyrings?.copyForClone();
    this.cred.landlock?.hold();
    this.personality = parent.personality;
    this.timerSlackNs = this.defaultTimerSlackNs = parent.timerSlackNs;
    this.loginUid = parent.loginUid;
    this.loginSession = parent.loginSession;
    this.scheduling = parent.scheduling.copyForClone();
  }

  copyIn(address: number, target: Uint8Array): 0 | Errno {
    return this.mm.copyIn(address, target);
  }
  copyOut(address: number, source: Uint8Array): 0 | Errno {
    return this.mm.copyOut(address, source);
  }
}

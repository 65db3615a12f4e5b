/** What the threads of a process share (Linux: struct signal_struct). */
import type { Pid } from '../base/brands.js';
import { WaitQueue } from '../base/wait-queue.js';
import { Timer } from './timers.js';
import type { CpuTimer, CpuTimers } from './cpu-timers.js';
import type { CpuIntervalTimer } from './interval-timers.js';
import type { PosixTimer } from './posix-timers.js';
import { INITIAL_PID_NAMESPACE, type PidNamespace } from './pid-namespace.js';
import type { ProcessGroup } from './job-control.js';
import type { ResourceLimits } from './resource-limits.js';
import type { SharedSignals } from './signals/shared-signals.js';
import type { Task } from './task.js';
import { UsageCounts } from './usage-counts.js';

/** How a process ended: the status word of wait(2). */
export type WaitStatus = number;

const INIT_PID = 1;

export class ThreadGroup {
  readonly tasks = new Set<Task>();
  readonly children = new Set<ThreadGroup>();
  /** Woken when a child changes state. */
  readonly childQueue = new WaitQueue();
  /** Set when the whole process is ending: status word for every thread. */
  exiting: WaitStatus | undefined = undefined;
  /** Set once the leader is a zombie that nobody has waited for. */
  exitStatus: WaitStatus | undefined = undefined;
  /** Woken when the process or one of its threads ends (pidfd). */
  readonly exitQueue = new WaitQueue();
  /** Waited for: the pid is free again. */
  reaped = false;
  /** Signal sent to the parent at exit (clone's low byte). */
  exitSignal = 17;
  /** The thread that made it, whose PTRACE_TRACEME it is. */
  parentTask: Task | undefined = undefined;
  /** prctl(PR_SET_CHILD_SUBREAPER). */
  isSubreaper = false;
  /** prctl(PR_SET_PDEATHSIG); 0: none. */
  parentDeathSignal = 0;
  /** TIOCNOTTY: gave up its session's terminal; inherited (Linux: signal->tty is each process' own). */
  withoutTerminal = false;
  /** Its parent ended and no process took its place. */
  orphaned = false;
  /** Has called execve since fork (setpgid's EACCES). */
  hasExeced = false;
  dumpable = 1;
  /** prctl(PR_SET_THP_DISABLE): kept, there being no huge pages. */
  hugePagesDisabled = false;
  /** Killed because the machine had no memory left. */
  outOfMemory = false;
  /** See limits-reached.ts; those of children that were waited for included. */
  limitsReached = 0;
  /** /proc/PID/oom_score_adj. */
  oomScoreAdjust = 0;
  /** How low it may be set without privilege. */
  oomScoreLowest = 0;
  /** See keys/task-keyrings.ts. */
  processKeyring: import('./keys/key.js').Key | undefined = undefined;
  /** See exec/executable.ts. */
  executable: import('../vfs/path.js').Path | undefined = undefined;
  /** System calls served, for the result's usage. */
  syscalls = 0;
  /** Those of children that were waited for, and of theirs. */
  childSyscalls = 0;
  /** Times in nanoseconds: own threads that ended, and reaped children. */
  userNs = 0;
  systemNs = 0;
  childUserNs = 0;
  childSystemNs = 0;
  /** What was last told of the CPU time of the living process. */
  readonly seen = { userNs: 0, systemNs: 0 };
  readonly counts = new UsageCounts();
  /** Those of children that were waited for, and of theirs. */
  readonly childCounts = new UsageCounts();
  maxRssPages = 0;
  childMaxRssPages = 0;
  pidNs: PidNamespace = INITIAL_PID_NAMESPACE;
  /** `pid` in `pidNs`. */
  nsPid: Pid;
  readonly startNs: number;
  readonly realTimer: Timer;
  /** Period of ITIMER_REAL; 0: once. */
  realIntervalNs = 0;
  virtualTimer: CpuIntervalTimer | undefined = undefined;
  profTimer: CpuIntervalTimer | undefined = undefined;
  readonly posixTimers = new Map<number, PosixTimer>();
  nextTimerId = 0;
  cpuTimers: CpuTimers | undefined = undefined;
  /** Watches RLIMIT_CPU. */
  cpuLimit: CpuTimer | undefined = undefined;
  /** A second thread has been cloned at some time. */
  hadThreads = false;
  /** `userNs` is final: the host process is gone, or going. */
  cpuSettled = false;

  constructor(
    readonly pid: Pid,
    public leader: Task | undefined,
    public parent: ThreadGroup | undefined,
    public processGroup: ProcessGroup,
    public signals: SharedSignals,
    public limits: ResourceLimits,
    startNs: number,
    onRealTimer: () => void,
  ) {
    this.startNs = startNs;
    this.nsPid = pid;
    this.realTimer = new Timer(onRealTimer);
  }

  /** As getppid(2) tells it; orphans without a reaper are init's, whom nobody sees waiting. */
  get parentPid(): number {
    return this.parent?.pid ?? (this.orphaned ? INIT_PID : 0);
  }
}

/** The machine: root of all kernel state, in plain data (what a snapshot will have to keep). */
import { availableParallelism } from 'node:os';
import type { Pid } from '../base/brands.js';
import type { Clock } from '../base/clock.js';
import { fillRandom, randomU32 } from '../host/random.js';
import type { PhysMem } from '../mm/phys-mem.js';
import type { Platform } from '../platform/platform.js';
import type { Mount } from '../vfs/mount.js';
import { MountNamespace } from '../vfs/mount-namespace.js';
import { INITIAL_USER_NAMESPACE } from '../vfs/user-namespace.js';
import { DiskQuota } from './disk-quota.js';
import { FutexTable } from './futex.js';
import { IpcNamespace } from './ipc/ipc-namespace.js';
import type { PiLock } from './futex-pi.js';
import type { ProcessGroup } from './job-control.js';
import { KeyTable } from './keys/key-table.js';
import { MemoryLimit } from './memory-limit.js';
import { CgroupNamespace, UtsNamespace } from './namespaces.js';
import { TimeNamespace } from './time-namespace.js';
import { NetNamespace } from './net-namespace.js';
import { NsProxy } from './nsproxy.js';
import { INITIAL_PID_NAMESPACE, type PidNamespace } from './pid-namespace.js';
import { PidAllocator } from './pids.js';
import type { SyscallDefinition } from './syscall.js';
import type { Task } from './task.js';
import type { ThreadGroup } from './thread-group.js';
import { Sysctl } from './sysctl.js';
import { Timekeeping } from './timekeeping.js';
import { TimerQueue } from './timers.js';
import type { Tracer } from './tracer.js';
import type { Vdso } from './vdso.js';

/** Asked while this module loads: the ptrace platform soon binds the kernel's thread to one CPU, and this call sees only that. */
const CPU_COUNT = availableParallelism();

export interface MachineConfig {
  hostname: string;
  /** Limits of the whole machine. */
  maxProcesses: number;
  memoryBytes: number;
}

function firstNamespaces(machine: Machine, root: Mount, hostname: string): NsProxy {
  const owner = INITIAL_USER_NAMESPACE;
  const time = new TimeNamespace(owner, true);
  return new NsProxy({
    mnt: new MountNamespace(owner, true, root),
    uts: new UtsNamespace(owner, true, hostname, '(none)'),
    ipc: new IpcNamespace(machine, owner, true),
    net: new NetNamespace(owner, true),
    cgroup: new CgroupNamespace(owner, true),
    time,
    timeForChildren: time,
    pidForChildren: INITIAL_PID_NAMESPACE,
  });
}

export class Machine {
  /** The task whose trap is being served or whose system call runs (Linux: current). */
  current!: Task;
  readonly tasks = new Map<Pid, Task>();
  readonly groups = new Map<Pid, ThreadGroup>();
  readonly processGroups = new Map<Pid, ProcessGroup>();
  readonly pids = new PidAllocator();
  /** Ids that also have one in another pid namespace than the first, with the innermost. */
  readonly nestedPids = new Map<Pid, PidNamespace>();
  /** The namespaces that processes start in. */
  readonly nsproxy: NsProxy;
  readonly timers = new TimerQueue();
  readonly sysctl = new Sysctl();
  readonly timekeeping = new Timekeeping();
  /** Completions that the contexts of asynchronous I/O may hold together (fs.aio-nr). */
  aioEvents = 0;
  /** Inotify files by the uid that made them (fs.inotify.max_user_instances). */
  readonly inotifyInstances = new Map<number, number>();
  readonly fanotifyInstances = new Map<number, number>();
  readonly memoryLimit = new MemoryLimit(this);
  /** What its file systems in memory hold together; replaced before there is a file system. */
  disk = new DiskQuota(Infinity);
  readonly futexes = new FutexTable();
  /** System V IPC and POSIX message queues. */
  /** Bytes of System V messages, with overhead, in all IPC namespaces. */
  messageCharge = 0;
  /** Logins so far: the last /proc/PID/sessionid. */
  loginSessions = 0;
  readonly keys = new KeyTable(
    () => randomU32() >>> 1,
    () => this.clock.monotonicNs(),
  );
  /** Contended priority-inheritance futexes by key. */
  readonly piLocks = new Map<string, PiLock>();
  /** Tasks that can go on: see scheduler.ts. */
  readonly ready: Task[] = [];
  /** Set by `stop`: the run loop returns. */
  stopping = false;
  tracer: Tracer | undefined = undefined;
  /** Tells the machine's owner of a process that ended and has no parent in the machine; set by the owner. */
  onExit: (group: ThreadGroup) => void = () => {};
  /** Made when the first program needs it. */
  vdso: Vdso | undefined = undefined;
  /** Processes whose parent is gone become its children. */
  init: ThreadGroup | undefined = undefined;
  /** What uname(2) and /proc/sys/kernel say. */
  readonly release = '6.12.0-skas';
  readonly version = '#1 SMP PREEMPT_DYNAMIC skas';
  /** Times that a thread had to wait. */
  waits = 0;
  /** CPU time of processes that have ended. */
  readonly endedCpu = { userNs: 0, systemNs: 0 };
  /** CPUs that guests are told of: the host's. */
  readonly cpuCount = CPU_COUNT;
  readonly bootNs: number;

  constructor(
    readonly config: MachineConfig,
    readonly clock: Clock,
    readonly platform: Platform,
    readonly physmem: PhysMem,
    readonly rootMount: Mount,
    /** Indexed by system call number. */
    readonly syscalls: readonly (SyscallDefinition | undefined)[],
  ) {
    this.nsproxy = firstNamespaces(this, rootMount, config.hostname).hold();
    this.bootNs = clock.monotonicNs();
  }

  /** Makes the run loop return after the current trap. */
  stop(): void {
    this.stopping = true;
  }

  /** Cryptographic randomness: the one door by which it enters the machine. */
  randomBytes(target: Uint8Array): void {
    fillRandom(target);
  }
}

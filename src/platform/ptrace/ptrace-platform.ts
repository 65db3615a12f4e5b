/**
 * The ptrace platform: skas0 proper. Guest code runs under PTRACE_SYSEMU; every stub process and thread is a child of the kernel
 * thread and traced by it. All are in one process group, so that one wait4 waits for all of them and for nobody else's children.
 *
 *   kernel thread --spawn--> zygote stub --clone--> bell
 *                                        --clone--> stub of a new space --clone--> stub of its fork ...
 */
import type { Errno, HostFd, HostPid, PhysAddr } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { AT_MINSIGSTKSZ } from '../../abi/auxvec.js';
import { SA_NODEFER, SA_ONSTACK, SA_RESTORER, SA_SIGINFO, SIGKILL, SIGSEGV, SIGTRAP } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { WNOHANG } from '../../abi/wait.js';
import { getauxval } from '../../host/auxv.js';
import { closeFd, memfdWith } from '../../host/events.js';
import { kill, spawnSession } from '../../host/process.js';
import { PTRACE_GETREGS, PTRACE_O_EXITKILL, PTRACE_O_TRACESYSGOOD, PTRACE_SETOPTIONS, ptrace } from '../../host/ptrace.js';
import { frameBytes, type FrameStore } from '../frames.js';
import { TRAP_NONE, type DoorbellHandle, type HostThread, type Platform } from '../platform.js';
import { ALTERNATE_STACK_OFFSET, HOST_TASK_SIZE, STUB_CODE, STUB_DATA, STUB_REQUEST, stubDataStride } from '../stub/layout.js';
import { RequestPage } from '../stub/request-page.js';
import { assembleStub, type StubCode } from '../stub/stub-code.js';
import { Bell, BellFds } from './bell.js';
import { Placement } from './placement.js';
import { PtraceSpace } from './ptrace-space.js';
import { PtraceThread } from './ptrace-thread.js';
import { isStopped, lastStatus, SLOT, stopSignal, stubCalls, WAIT_OPTIONS, waitFor } from './tracee.js';
import { hostXstateSize } from './xstate.js';
import { zygoteElf } from './zygote-elf.js';

/** Why there is no platform: an errno and the step that failed. */
export interface PlatformFailure {
  readonly errno: Errno;
  readonly step: string;
}

export class PtracePlatform implements Platform {
  readonly name = 'ptrace';
  readonly placement = new Placement();
  readonly counts = {
    syscalls: 0,
    faults: 0,
    completedFaults: 0,
    signals: 0,
    kicks: 0,
    deaths: 0,
    strayedSignals: 0,
    bells: 0,
    batches: 0,
    operations: 0,
    forks: 0,
    threads: 0,
    fpReads: 0,
    fpWrites: 0,
  };
  xstateSize = 0;
  private readonly tracees = new Map<HostPid, PtraceThread>();
  /** Threads whose traps were taken in outside of `wait`. */
  private readonly announced: PtraceThread[] = [];
  private zygote!: PtraceThread;
  private bell!: Bell;

  private constructor(
    readonly frames: FrameStore,
    readonly stub: StubCode,
    readonly dataStride: number,
    private readonly codeFrame: PhysAddr,
    private readonly bellFds: BellFds,
    /** Process group of all stubs: the zygote's. */
    private readonly group: HostPid,
  ) {}

  get dataPages(): number {
    return this.dataStride / 4096;
  }

  get doorbell(): DoorbellHandle {
    return { fd: this.bellFds.ring };
  }

  /** Starts the platform. To be called, as everything of it, on the kernel thread. */
  static create(frames: FrameStore): PtracePlatform | PlatformFailure {
    const dataStride = stubDataStride(Math.max(2048, getauxval(AT_MINSIGSTKSZ)));
    const dataPages = dataStride / 4096;
    const stub = assembleStub(dataStride);
    const codeFrame = frames.allocate(1);
    if (isErr(codeFrame)) return { errno: codeFrame, step: 'memory for the stub' };
    frameBytes(frames, codeFrame, 4096).fill(0xcc).set(stub.bytes);
    const requestFrame = frames.allocate(1);
    if (isErr(requestFrame)) return { errno: requestFrame, step: 'memory for the stub' };
    const dataFrame = frames.allocate(dataPages, dataPages);
    if (isErr(dataFrame)) return { errno: dataFrame, step: 'memory for the stub' };
    const bellFds = BellFds.create();
    if (isErr(bellFds)) return { errno: bellFds, step: 'eventfd, timerfd and epoll' };

    const request = new RequestPage(frames, requestFrame, frames.fd);
    queueZygoteSetUp(request, stub, dataStride);
    const elf = zygoteElf({
      physmemFd: frames.fd,
      epollFd: bellFds.epoll,
      codeFrame,
      requestFrame,
      dataFrame,
      dataBytes: dataStride,
      batchOffset: stub.batch,
      operations: request.count,
    });
    const pid = spawnElf(elf, [frames.fd, bellFds.epoll]);
    if (isErr(pid)) return { errno: pid, step: 'starting the first stub process' };
    const failure = awaitZygote(pid);
    if (failure) return failure;
    const platform = new PtracePlatform(frames, stub, dataStride, codeFrame, bellFds, pid);
    const started = platform.start(requestFrame, dataFrame);
    return started ? started : platform;
  }

  private start(requestFrame: PhysAddr, dataFrame: PhysAddr): PlatformFailure | undefined {
    const xstateSize = hostXstateSize(this.group);
    if (isErr(xstateSize)) return { errno: xstateSize, step: 'reading the extended state' };
    this.xstateSize = xstateSize;
    const space = new PtraceSpace(this, this.group, requestFrame, 0, dataFrame);
    this.zygote = new PtraceThread(space, this.group, 0);
    this.placement.adopt(this.zygote);
    space.threads.add(this.zygote);
    this.tracees.set(this.group, this.zygote);
    ptrace(PTRACE_GETREGS, this.group, 0, this.zygote.file.address);
    for (const slot of Object.values(SLOT)) if (slot !== SLOT.cs && slot !== SLOT.ss) this.zygote.file.set(slot, 0);
    this.zygote.file.set(SLOT.eflags, 0x202);
    const bell = space.fork(this.zygote);
    if (isErr(bell)) return { errno: bell, step: 'starting the bell' };
    const thread = bell as PtraceThread;
    thread.file.set(SLOT.rip, STUB_CODE + this.stub.bell);
    thread.file.set(SLOT.rdi, this.bellFds.epoll);
    thread.file.set(SLOT.rsi, STUB_DATA);
    thread.file.set(SLOT.origRax, -1);
    Bell.start(thread.tid, thread.file.address);
    this.bell = new Bell(thread.tid, this.bellFds.timer, new HostClock());
    return undefined;
  }

  createSpace(): HostThread | Errno {
    return this.zygote.space.fork(this.zygote);
  }

  wait(deadlineNs: number): HostThread | null {
    for (;;) {
      for (let thread = this.announced.shift(); thread; thread = this.announced.shift()) {
        if (!thread.destroyed) return thread;
      }
      const sleep = deadlineNs > 0 && this.bell.listen(deadlineNs);
      const pid: number = waitFor(-this.group, sleep ? WAIT_OPTIONS : WAIT_OPTIONS | WNOHANG);
      if (pid <= 0) return null;
      if (pid === this.bell.tid) {
        this.onBell();
        return null;
      }
      const thread = this.tracees.get(pid);
      if (!thread) continue;
      if (thread.onStatus(lastStatus()) !== TRAP_NONE) return thread;
      if (!thread.running && !thread.dead && !thread.destroyed) thread.letGo();
    }
  }

  private onBell(): void {
    this.counts.bells++;
    if (isStopped(lastStatus()) && stopSignal(lastStatus()) === SIGTRAP) this.bell.onStop();
    else this.bell.onStop();
  }

  /** `wait` will return this thread. */
  announce(thread: PtraceThread): void {
    this.announced.push(thread);
  }

  remember(thread: PtraceThread): void {
    this.tracees.set(thread.tid, thread);
  }

  forget(thread: PtraceThread): void {
    this.tracees.delete(thread.tid);
  }

  forgetTid(tid: HostPid): void {
    this.tracees.delete(tid);
  }

  /** Host threads of a space that have not been reaped, the leader last. */
  tidsOf(space: PtraceSpace): HostPid[] {
    const tids = [...this.tracees.values()].filter((thread) => thread.space === space && thread.tid !== space.leader).map((t) => t.tid);
    return this.tracees.has(space.leader) ? [...tids, space.leader] : tids;
  }

  shutdown(): void {
    for (const thread of this.tracees.values()) {
      thread.abandon();
      kill(thread.space.leader, SIGKILL);
    }
    while (waitFor(-this.group, WAIT_OPTIONS) > 0) {
      // Reaps; ECHILD ends it.
    }
    this.placement.stop();
    this.bellFds.close();
    this.frames.release(this.codeFrame, 1);
  }

  counters(): Record<string, number> {
    return { ...this.counts, moves: this.placement.moves, stubRuns: stubCalls.runs, stubThreads: this.tracees.size };
  }
}

/** What the zygote does first in the stub: forgets all that the host gave it, and takes the handler of page faults. */
function queueZygoteSetUp(request: RequestPage, stub: StubCode, dataStride: number): void {
  const flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_NODEFER;
  const action = request.storeSigaction(STUB_CODE + stub.faultHandler, flags, STUB_CODE + stub.restorer);
  const stack = request.storeSignalStack(STUB_DATA + ALTERNATE_STACK_OFFSET, dataStride - ALTERNATE_STACK_OFFSET);
  request.call(NR.rt_sigaction, SIGSEGV, action, 0, 8);
  request.call(NR.sigaltstack, stack, 0);
  request.call(NR.munmap, 0, STUB_REQUEST);
  request.call(NR.munmap, STUB_DATA + dataStride, HOST_TASK_SIZE - STUB_DATA - dataStride);
}

function spawnElf(elf: Uint8Array, keepFds: readonly HostFd[]): HostPid | Errno {
  const file = memfdWith('skas-stub', elf);
  if (isErr(file)) return file;
  const pid = spawnSession(`/proc/self/fd/${file}`, keepFds);
  closeFd(file);
  return pid;
}

/** The zygote's first stop, or the step that failed. */
function awaitZygote(pid: HostPid): PlatformFailure | undefined {
  const step = 'ptrace: the host lets no process be traced';
  const arrived = waitFor(pid, WAIT_OPTIONS);
  if (isErr(arrived)) return { errno: arrived, step };
  const status = lastStatus();
  if (!isStopped(status)) return { errno: -((status >> 8) & 0xff) as Errno, step };
  const options = ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  return isErr(options) ? { errno: options, step } : undefined;
}

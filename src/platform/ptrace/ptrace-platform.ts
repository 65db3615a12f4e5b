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
import { EINTR } from '../../abi/errno.js';
import { WNOHANG } from '../../abi/wait.js';
import { getauxval } from '../../host/auxv.js';
import { closeFd, memfdWith } from '../../host/events.js';
import { mappingsOf } from '../../host/proc.js';
import { ignoreChildStops } from '../../host/signals.js';
import { STATUS_WORD, stopWords, waitForTrap } from '../../host/trap-calls.js';
import { kill, spawnSession } from '../../host/process.js';
import { PTRACE_GETREGS, PTRACE_O_EXITKILL, PTRACE_O_TRACESYSGOOD, PTRACE_SETOPTIONS, PTRACE_SETREGS, ptrace } from '../../host/ptrace.js';
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

/** Frames of the first stub process; its code page is everybody's. */
interface StubPages {
  readonly code: PhysAddr;
  readonly request: PhysAddr;
  readonly data: PhysAddr;
  readonly dataPages: number;
}

/** Traps between two rounds of taking in everybody who has stopped. */
const COLLECT_INTERVAL = 32;

/** Why there is no platform: an errno and the step that failed. */
export interface PlatformFailure {
  readonly errno: Errno;
  readonly step: string;
}

export class PtracePlatform implements Platform {
  readonly name = 'ptrace';
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
  /** No bell: guests are dying, and `wait` never sleeps. */
  private broken = false;
  private readonly tracees = new Map<HostPid, PtraceThread>();
  /** Threads whose traps were taken in outside of `wait`. */
  private readonly announced: PtraceThread[] = [];
  private zygote!: PtraceThread;
  private bell!: Bell;
  /** `collect` has found that the bell rang. */
  private rang = false;
  /** Traps since stopped tracees were last taken in. */
  private sinceCollected = 0;

  private constructor(
    readonly frames: FrameStore,
    readonly stub: StubCode,
    readonly dataStride: number,
    private readonly pages: StubPages,
    private readonly bellFds: BellFds,
    /** Process group of all stubs: the zygote's. */
    private readonly group: HostPid,
    readonly placement: Placement,
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
    const pages = allocateStub(frames, dataStride / 4096);
    if (isErr(pages)) return { errno: pages, step: 'memory for the stub' };
    const bellFds = BellFds.create();
    if (isErr(bellFds)) {
      releaseStub(frames, pages);
      return { errno: bellFds, step: 'eventfd, timerfd and epoll' };
    }
    const stub = assembleStub(dataStride);
    frameBytes(frames, pages.code, 4096).fill(0xcc).set(stub.bytes);
    ignoreChildStops();
    const placement = new Placement();
    const zygote = startZygote(frames, pages, stub, dataStride, bellFds.epoll);
    if (typeof zygote !== 'number') {
      placement.stop();
      bellFds.close();
      releaseStub(frames, pages);
      return zygote;
    }
    const platform = new PtracePlatform(frames, stub, dataStride, pages, bellFds, zygote, placement);
    const failure = platform.start();
    if (failure) platform.shutdown();
    return failure ?? platform;
  }

  private start(): PlatformFailure | undefined {
    const xstateSize = hostXstateSize(this.group);
    if (isErr(xstateSize)) return { errno: xstateSize, step: 'reading the extended state' };
    this.xstateSize = xstateSize;
    const space = new PtraceSpace(this, this.group, this.pages.request, 0, this.pages.data);
    const zygote = new PtraceThread(space, this.group, 0);
    this.zygote = zygote;
    this.placement.adopt(zygote);
    space.threads.add(zygote);
    this.tracees.set(this.group, zygote);
    ptrace(PTRACE_GETREGS, this.group, 0, zygote.file.address);
    if (zygote.file.get(SLOT.r12) > 0) unmapHost(zygote, space, this.dataStride);
    for (const slot of Object.values(SLOT)) if (slot !== SLOT.cs && slot !== SLOT.ss) zygote.file.set(slot, 0);
    zygote.file.set(SLOT.eflags, 0x202);
    return this.startBell();
  }

  private startBell(): PlatformFailure | undefined {
    const bell = this.zygote.space.fork(this.zygote);
    if (isErr(bell)) return { errno: bell, step: 'starting the bell' };
    const thread = bell as PtraceThread;
    thread.file.set(SLOT.rip, STUB_CODE + this.stub.bell);
    thread.file.set(SLOT.rdi, this.bellFds.epoll);
    thread.file.set(SLOT.rsi, STUB_DATA);
    thread.file.set(SLOT.origRax, -1);
    ptrace(PTRACE_SETREGS, thread.tid, 0, thread.file.address);
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
      if (this.rang) {
        this.rang = false;
        return null;
      }
      const sleep = deadlineNs > 0 && !this.broken && this.bell.listen(deadlineNs);
      const pid: number = waitForTrap(-this.group, sleep ? WAIT_OPTIONS : WAIT_OPTIONS | WNOHANG);
      if (pid === EINTR) continue;
      if (pid <= 0) return null;
      if (this.placement.tick()) this.lookAround();
      if (pid === this.bell.tid) {
        this.counts.bells++;
        this.onBell();
        return null;
      }
      const thread = this.tracees.get(pid);
      if (!thread) continue;
      if (thread.onStatus(stopWords[STATUS_WORD]!) !== TRAP_NONE) {
        if (++this.sinceCollected >= COLLECT_INTERVAL) this.collect();
        return thread;
      }
      if (!thread.running && !thread.dead && !thread.destroyed) thread.letGo();
    }
  }

  /**
   * The host reports stopped tracees youngest first: two guests that trap without end would starve all older ones, and the bell,
   * which is the oldest. So now and then everybody who has stopped is taken in, to be served in turn.
   */
  private collect(): void {
    this.sinceCollected = 0;
    for (;;) {
      const pid: number = waitForTrap(-this.group, WAIT_OPTIONS | WNOHANG);
      if (pid === EINTR) continue;
      if (pid <= 0) return;
      if (pid === this.bell.tid) {
        this.counts.bells++;
        this.onBell();
        this.rang = true;
        continue;
      }
      const thread = this.tracees.get(pid);
      if (!thread) continue;
      if (thread.onStatus(stopWords[STATUS_WORD]!) !== TRAP_NONE) this.announced.push(thread);
      else if (!thread.running && !thread.dead && !thread.destroyed) thread.letGo();
    }
  }

  /** A few times a second. */
  private lookAround(): void {
    ignoreChildStops();
    this.placement.look(this.tracees.values());
  }

  private onBell(): void {
    const status = stopWords[STATUS_WORD]!;
    if (isStopped(status)) {
      this.bell.onStop(stopSignal(status) === SIGTRAP);
      return;
    }
    // Somebody killed it. Without one the kernel could not be woken: there must be another, or all guests end.
    this.tracees.delete(this.bell.tid);
    if (this.startBell()) this.fail();
  }

  private fail(): void {
    this.broken = true;
    for (const thread of this.tracees.values()) thread.space.kill();
  }

  /** `wait` will return this thread. */
  announce(thread: PtraceThread): void {
    this.announced.push(thread);
  }

  /** Takes an announcement back; false when there is none. */
  withdraw(thread: PtraceThread): boolean {
    const index = this.announced.indexOf(thread);
    if (index >= 0) this.announced.splice(index, 1);
    return index >= 0;
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
    releaseStub(this.frames, this.pages);
  }

  counters(): Record<string, number> {
    return { ...this.counts, moves: this.placement.moves, stubRuns: stubCalls.runs, stubThreads: this.tracees.size };
  }
}

function allocateStub(frames: FrameStore, dataPages: number): StubPages | Errno {
  const code = frames.allocate(1);
  if (isErr(code)) return code;
  const request = frames.allocate(1);
  const data = isErr(request) ? request : frames.allocate(dataPages, dataPages);
  if (!isErr(request) && !isErr(data)) return { code, request, data, dataPages };
  frames.release(code, 1);
  if (!isErr(request)) frames.release(request, 1);
  return data as Errno;
}

function releaseStub(frames: FrameStore, pages: StubPages): void {
  frames.release(pages.code, 1);
  frames.release(pages.request, 1);
  frames.release(pages.data, pages.dataPages);
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

function startZygote(frames: FrameStore, pages: StubPages, stub: StubCode, dataStride: number, epollFd: HostFd): HostPid | PlatformFailure {
  const request = new RequestPage(frames, pages.request, frames.fd);
  queueZygoteSetUp(request, stub, dataStride);
  const elf = zygoteElf({
    physmemFd: frames.fd,
    epollFd,
    codeFrame: pages.code,
    requestFrame: pages.request,
    dataFrame: pages.data,
    dataBytes: dataStride,
    batchOffset: stub.batch,
    operations: request.count,
  });
  const file = memfdWith('skas-stub', elf);
  if (isErr(file)) return { errno: file, step: 'memfd_create' };
  const pid = spawnSession(`/proc/self/fd/${file}`, [frames.fd, epollFd]);
  closeFd(file);
  if (isErr(pid)) return { errno: pid, step: 'starting the first stub process' };
  return awaitZygote(pid) ?? pid;
}

/** The zygote's first stop, or the step that failed. */
function awaitZygote(pid: HostPid): PlatformFailure | undefined {
  const arrived = waitFor(pid, WAIT_OPTIONS);
  if (isErr(arrived)) return { errno: arrived, step: 'waiting for the first stub process' };
  const status = lastStatus();
  if (!isStopped(status))
    return { errno: -((status >> 8) & 0xff || 5) as Errno, step: 'the set-up of the first stub process (ptrace, mmap)' };
  const options = ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  if (!isErr(options)) return undefined;
  kill(pid, SIGKILL);
  waitFor(pid, WAIT_OPTIONS);
  return { errno: options, step: 'PTRACE_SETOPTIONS' };
}

/**
 * Where the host seals its vDSO (CONFIG_MSEAL_SYSTEM_MAPPINGS), unmapping everything at once fails: then piece by piece, and
 * what is sealed stays.
 */
function unmapHost(zygote: PtraceThread, space: PtraceSpace, dataStride: number): void {
  for (const { start, end } of mappingsOf(zygote.tid)) {
    if (start >= STUB_REQUEST && end <= STUB_DATA + dataStride) continue;
    if (end <= HOST_TASK_SIZE) space.unmapHost(start, end - start, zygote);
  }
}

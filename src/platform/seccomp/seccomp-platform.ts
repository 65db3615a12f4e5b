/**
 * The seccomp platform: no tracer. Guest code runs freely under a filter that turns every system call into a signal, whose handler
 * in the stub hands the thread's turn to the kernel through memory and waits to get it back.
 *
 *   kernel thread --spawn--> zygote: mm thread
 *                            zygote --clone--> stub process: mm thread --clone--> guest thread, guest thread ...
 *
 * Needs FSGSBASE (a guest's segment bases are read and set without the kernel) and a host with seccomp filters.
 */
import type { Errno, HostPid, PhysAddr } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { AT_HWCAP2, AT_MINSIGSTKSZ } from '../../abi/auxvec.js';
import { EAGAIN, EIO, ENOSYS } from '../../abi/errno.js';
import { SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { WNOHANG } from '../../abi/wait.js';
import { getauxval } from '../../host/auxv.js';
import { closeFd, memfdWith } from '../../host/events.js';
import { mappingsOf } from '../../host/proc.js';
import { kill, spawnSession, tgkill } from '../../host/process.js';
import { frameBytes, type FrameStore } from '../frames.js';
import { TRAP_DEAD, TRAP_NONE, type DoorbellHandle, type HostThread, type Platform } from '../platform.js';
import { endSignal, lastStatus, WAIT_OPTIONS, waitFor } from '../stub/child-status.js';
import { HOST_TASK_SIZE, STUB_DATA, STUB_REQUEST, stubDataStride } from '../stub/layout.js';
import { BellRelay } from './bell-relay.js';
import { Dying } from './dying.js';
import { FrameWait } from './frame-wait.js';
import { learnFrameShape } from './first-frame.js';
import type { FrameShape } from './frame-shape.js';
import { LOWEST_GUEST, SITE_SLOTS } from './layout.js';
import { Leaving } from './leaving.js';
import { MmThread } from './mm-thread.js';
import { Overdue, overdueCounts } from './overdue.js';
import { Placement } from './placement.js';
import { PROCESS_FLAGS, SeccompSpace, THREAD_FLAGS } from './seccomp-space.js';
import type { SeccompThread } from './seccomp-thread.js';
import { SiteTable } from './site-table.js';
import { assembleSeccompStub, type SeccompStub } from './stub-code.js';
import { TurnWatch } from './turn-watch.js';
import { seccompZygote } from './zygote-elf.js';

/** HWCAP2_FSGSBASE. */
const FSGSBASE = 2;
/** How often the kernel looks after running threads: are they alive, do they hear kicks. */
const LOOK_NS = 100e6;
/** So many traps in a row are served before it looks at the doorbell, the deadline and who should have ended: guests can trap without end. */
const MOST_IN_ROW = 64;
/** The same for stub processes that are about to end. */
const DYING_LOOK_NS = 2e6;
/** The shorter time until the first look at a kicked thread. */
const KICK_LOOK_NS = 20e6;
/** CPU time after which a kicked thread should have trapped (none, but for what the host does in its name), and the longest wait. */
const KICK_RUN_NS = 5e6;
const KICK_PATIENCE_NS = 10e9;

/** An order, such as to clone a process, may take longer than a system call. */
const ORDER_SPINS = 4;

export interface SeccompFailure {
  readonly errno: Errno;
  readonly step: string;
}

interface StubFrames {
  readonly code: PhysAddr;
  readonly doorbell: PhysAddr;
  readonly request: PhysAddr;
}

export class SeccompPlatform implements Platform {
  readonly name = 'seccomp';
  readonly lowestAddress = LOWEST_GUEST;
  readonly counts = {
    syscalls: 0,
    patchedCalls: 0,
    promotions: 0,
    faults: 0,
    signals: 0,
    kicks: 0,
    deaths: 0,
    strayedSignals: 0,
    wakes: 0,
    batches: 0,
    operations: 0,
    forks: 0,
    threads: 0,
  };
  readonly spaces = new Map<HostPid, SeccompSpace>();
  /** Spaces with an order that nobody waits for. */
  readonly underWay = new Set<SeccompSpace>();
  shape!: FrameShape;
  private readonly announced: HostThread[] = [];
  private readonly ended = new Set<HostPid>();
  readonly dying = new Dying((pid) => this.ended.delete(pid));
  readonly leaving = new Leaving<SeccompSpace>(({ space, slot }) => space.freeSlot(slot));
  /** With who looks whether they keep kicks out: by a forged mask, by turns that they write themselves. */
  private readonly kicked = new Map<SeccompThread, Overdue>();
  private zygote!: SeccompSpace;
  readonly frameWait: FrameWait;
  private relay: BellRelay | undefined = undefined;
  private readonly clock = new HostClock();
  private lastLookNs = 0;
  /** Traps found one after the other without a look at anything else. */
  private foundInRow = 0;
  /** The thread whose trap `wait` returned last. */
  private lastTaken: SeccompThread | undefined = undefined;

  private constructor(
    readonly frames: FrameStore,
    readonly stub: SeccompStub,
    readonly dataStride: number,
    private readonly pages: StubFrames,
    private readonly watch: TurnWatch,
    readonly placement: Placement,
    /** Process group of all stubs: the zygote's id. */
    private readonly group: HostPid,
    readonly sites: SiteTable,
  ) {
    this.frameWait = new FrameWait(frames, pages.doorbell);
  }

  get dataPages(): number {
    return this.dataStride / 4096;
  }

  get doorbell(): DoorbellHandle {
    return { fd: this.relay!.fd, word: this.watch.doorbellAddress };
  }

  /** Starts the platform. To be called, as everything of it, on the kernel thread. */
  static create(frames: FrameStore): SeccompPlatform | SeccompFailure {
    if (Math.floor(getauxval(AT_HWCAP2) / FSGSBASE) % 2 === 0) return { errno: ENOSYS, step: 'FSGSBASE (Linux 5.9, a CPU since 2012)' };
    const dataStride = stubDataStride(Math.max(2048, getauxval(AT_MINSIGSTKSZ)));
    const pages = allocatePages(frames);
    if (isErr(pages)) return { errno: pages, step: 'memory for the stub' };
    const stub = assembleSeccompStub({ dataStride, physmemFd: frames.fd, cloneFlags: [PROCESS_FLAGS, THREAD_FLAGS] });
    frameBytes(frames, pages.code, 4096).fill(0xcc).set(stub.bytes);
    const sites = SiteTable.create(frames, stub.call);
    if (isErr(sites)) {
      releasePages(frames, pages);
      return { errno: sites, step: 'memory for patched sites' };
    }
    const placement = new Placement();
    const watch = new TurnWatch(frames, pages.doorbell, placement);
    const zygote = startZygote(frames, pages, sites, stub);
    if (typeof zygote !== 'number') {
      placement.stop();
      releasePages(frames, pages);
      sites.dispose();
      return zygote;
    }
    const platform = new SeccompPlatform(frames, stub, dataStride, pages, watch, placement, zygote, sites);
    const failure = platform.start();
    if (failure) platform.shutdown();
    return failure ?? platform;
  }

  private start(): SeccompFailure | undefined {
    this.zygote = new SeccompSpace(this, this.group, this.makeMm(this.pages.request));
    this.spaces.set(this.group, this.zygote);
    this.placement.addStub(this.group);
    const mapped = this.unmapHost();
    if (mapped) return mapped;
    const shape = learnFrameShape(this, this.zygote);
    if (!shape) return { errno: EIO, step: 'the first trap (SECCOMP_RET_TRAP, the frame of its signal)' };
    this.shape = shape;
    const relay = BellRelay.start(this.frames.fd, this.pages.doorbell);
    if (isErr(relay)) return { errno: relay, step: 'starting the bell' };
    this.relay = relay;
    return undefined;
  }

  /** Unmaps what the host has put into the first stub process. Where it seals its vDSO: piece by piece, as far as it lets us. */
  private unmapHost(): SeccompFailure | undefined {
    const { queue } = this.zygote.mm;
    queue.call(NR.munmap, 0, SITE_SLOTS);
    queue.call(NR.munmap, LOWEST_GUEST, STUB_REQUEST - LOWEST_GUEST);
    queue.call(NR.munmap, STUB_DATA, HOST_TASK_SIZE - STUB_DATA);
    const result = this.zygote.commit();
    if (!isErr(result)) return undefined;
    if (this.hasEnded(this.group))
      return { errno: EIO, step: `the set-up of the first stub process (seccomp, mmap; status ${lastStatus()})` };
    for (const { start, end } of mappingsOf(this.group)) {
      if (end > HOST_TASK_SIZE || (start >= STUB_REQUEST && end <= STUB_DATA) || (start >= SITE_SLOTS && end <= LOWEST_GUEST)) continue;
      queue.call(NR.munmap, start, end - start);
      this.zygote.commit();
    }
    return undefined;
  }

  makeMm(frame: PhysAddr): MmThread {
    return new MmThread(this.frames, frame);
  }

  createSpace(): HostThread | Errno {
    return this.zygote.forkLike(undefined);
  }

  wait(deadlineNs: number): HostThread | null {
    this.lastTaken?.answerLater();
    this.lastTaken = undefined;
    for (;;) {
      for (let thread = this.announced.shift(); thread; thread = this.announced.shift()) {
        if (!(thread as SeccompThread).destroyed) return thread;
      }
      const found = this.watch.find();
      if (found && ++this.foundInRow <= MOST_IN_ROW) {
        this.watch.remove(found);
        if (found.take() !== TRAP_NONE) {
          this.kicked.delete(found);
          this.lastTaken = found;
          return found;
        }
        found.letGo();
        continue;
      }
      this.foundInRow = 0;
      if (this.watch.takeRing() || (deadlineNs <= 0 && !found)) return null;
      if (this.dying.some) this.dying.look();
      if (this.leaving.some) this.leaving.look();
      if (this.underWay.size > 0) for (const space of this.underWay) space.collect();
      const now = this.clock.monotonicNs();
      if (deadlineNs !== Infinity && now >= deadlineNs && deadlineNs > 0) return null;
      if (now >= this.nextLookNs()) this.lookAround(now);
      else if (!found) this.watch.wait(Math.min(deadlineNs, this.nextLookNs(), this.endsDue ? now + DYING_LOOK_NS : Infinity));
    }
  }

  /** Processes or threads are about to end. */
  private get endsDue(): boolean {
    return this.dying.some || this.leaving.some;
  }

  /** Only those who run need looking after: an idle machine sleeps. */
  private nextLookNs(): number {
    if (this.watch.running.length === 0) return Infinity;
    return this.lastLookNs + (this.kicked.size > 0 ? KICK_LOOK_NS : LOOK_NS);
  }

  private lookAround(now: number): void {
    this.lastLookNs = now;
    for (;;) {
      const pid = waitFor(-this.group, WAIT_OPTIONS | WNOHANG);
      if (isErr(pid) || pid === 0) break;
      this.noteEnd(pid, endSignal(lastStatus()));
    }
    for (const thread of [...this.watch.running]) {
      if (tgkill(thread.space.leader, thread.tid, 0) !== 0) thread.fail(SIGKILL);
    }
    for (const [thread, overdue] of this.kicked) this.lookAtKicked(thread, overdue, now);
    if (this.placement.look(this.spaces.keys(), () => this.guestThreads())) this.watch.adapt();
  }

  private *guestThreads(): Generator<SeccompThread> {
    for (const space of this.spaces.values()) yield* space.threads;
  }

  private lookAtKicked(thread: SeccompThread, overdue: Overdue, now: number): void {
    if (thread.kickedNs === 0 || !thread.running) {
      this.kicked.delete(thread);
      return;
    }
    thread.space.quiesce();
    const isLost = overdue.isHopeless() || now > thread.kickedNs + KICK_PATIENCE_NS;
    if (isLost && !thread.hasTrapped) thread.fail(SIGKILL);
  }

  awaitKick(thread: SeccompThread): void {
    thread.kickedNs = this.clock.monotonicNs();
    this.kicked.set(thread, new Overdue(thread.space.leader, thread.tid, KICK_RUN_NS));
  }

  noteWake(): void {
    this.counts.wakes++;
    this.watch.woke = true;
  }

  addRunning(thread: SeccompThread): void {
    this.watch.add(thread);
  }

  dropRunning(thread: SeccompThread): void {
    this.watch.remove(thread);
    this.kicked.delete(thread);
  }

  /** `wait` will return this thread. */
  announce(thread: HostThread): void {
    this.announced.push(thread);
  }

  /** The thread of `space` whose trap is being served. */
  servedIn(space: SeccompSpace): SeccompThread | undefined {
    const thread = this.lastTaken;
    return thread?.space === space && !thread.running && !thread.dead && !thread.destroyed ? thread : undefined;
  }

  /** Ticks that the kernel spins for the end of an order; 0 where nobody spins. */
  get orderSpin(): number {
    return this.watch.spinTicks * ORDER_SPINS;
  }

  isFull(threads: number): boolean {
    return threads * this.dataStride > HOST_TASK_SIZE - STUB_DATA - this.dataStride;
  }

  /** True when the end of a stub process was seen, and its id may be somebody else's. */
  isReaped(pid: HostPid): boolean {
    return this.ended.has(pid);
  }

  /** True when a stub process is no more. */
  hasEnded(pid: HostPid): boolean {
    if (this.ended.has(pid)) return true;
    const found = waitFor(pid, WAIT_OPTIONS | WNOHANG);
    if (found === 0) return false;
    this.noteEnd(pid, endSignal(lastStatus()));
    return true;
  }

  private noteEnd(pid: HostPid, signal: number): void {
    if (this.dying.note(pid)) return;
    this.ended.add(pid);
    const space = this.spaces.get(pid);
    if (!space) return;
    space.isGone = true;
    for (const thread of space.threads) {
      if (thread.dead) continue;
      if (thread.running) thread.reportDeath(signal);
      thread.dead = true;
      if (thread.trap.kind !== TRAP_DEAD) thread.trap.signal = signal;
    }
  }

  settle(): void {
    this.dying.settle();
  }

  shutdown(): void {
    for (const space of this.spaces.values()) {
      for (const thread of space.threads) thread.abandon();
      if (!this.ended.has(space.leader)) kill(space.leader, SIGKILL);
    }
    this.dying.settle();
    while (waitFor(-this.group, WAIT_OPTIONS) > 0) {
      // Reaps; ECHILD ends it.
    }
    this.relay?.stop();
    this.placement.stop();
    releasePages(this.frames, this.pages);
    this.sites.dispose();
  }

  counters(): Record<string, number> {
    return {
      ...this.counts,
      patchedSites: this.sites.count,
      sleeps: this.watch.sleeps,
      spinHits: this.watch.spinHits,
      moves: this.placement.moves,
      overdueLooks: overdueCounts.looks,
      overdueGivenUp: overdueCounts.givenUp,
      stubProcesses: this.spaces.size,
    };
  }
}

function allocatePages(frames: FrameStore): StubFrames | Errno {
  const got: PhysAddr[] = [];
  for (let i = 0; i < 3; i++) {
    const frame = frames.allocate(1);
    if (isErr(frame)) {
      for (const each of got) frames.release(each, 1);
      return frame;
    }
    got.push(frame);
  }
  return { code: got[0]!, doorbell: got[1]!, request: got[2]! };
}

function releasePages(frames: FrameStore, pages: StubFrames): void {
  frames.release(pages.code, 1);
  frames.release(pages.doorbell, 1);
  frames.release(pages.request, 1);
}

function startZygote(frames: FrameStore, pages: StubFrames, sites: SiteTable, stub: SeccompStub): HostPid | SeccompFailure {
  const { slots, jumps, noReturns } = sites;
  const file = memfdWith('skas-stub', seccompZygote({ physmemFd: frames.fd, ...pages, slots, jumps, noReturns }, stub));
  if (isErr(file)) return { errno: file, step: 'memfd_create' };
  const pid = spawnSession(`/proc/self/fd/${file}`, [frames.fd]);
  closeFd(file);
  return isErr(pid) ? { errno: pid === EAGAIN ? EAGAIN : pid, step: 'starting the first stub process' } : pid;
}

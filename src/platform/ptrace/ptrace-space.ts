/** A guest address space: one stub process, steered through its request page (UML: arch/um/kernel/skas/mmu.c, os-Linux/skas/mem.c). */
import type { Errno, GuestAddr, HostPid, PhysAddr } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { assert } from '../../base/assert.js';
import { PAGE_SIZE } from '../../base/page.js';
import { EAGAIN, ESRCH } from '../../abi/errno.js';
import { MAP_FIXED, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { PR_SET_PDEATHSIG } from '../../abi/prctl.js';
import {
  CLONE_FILES,
  CLONE_FS,
  CLONE_PARENT,
  CLONE_PTRACE,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
} from '../../abi/sched.js';
import { SIGCHLD, SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { kill } from '../../host/process.js';
import { frameBytes } from '../frames.js';
import { TASK_SIZE, TRAP_FAULT, type HostSpace, type HostThread } from '../platform.js';
import { ALTERNATE_STACK_OFFSET, MAX_STUB_THREADS, STUB_CODE, STUB_DATA, STUB_REQUEST, stubDataAddress } from '../stub/layout.js';
import { RequestPage } from '../stub/request-page.js';
import type { PtracePlatform } from './ptrace-platform.js';
import { PtraceThread } from './ptrace-thread.js';
import { continueToTrap, isStopped, lastStatus, runStub, SLOT, stubRegisters, WAIT_OPTIONS, waitFor } from './tracee.js';

/**
 * Stub processes share descriptors (physmem and the bell's set), are siblings, so that the kernel thread is everybody's parent
 * and reaps them, and are traced from their first instruction on, with the tracer's options.
 */
const PROCESS_FLAGS = CLONE_PARENT | CLONE_PTRACE | CLONE_FILES | CLONE_FS | SIGCHLD;
const THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PTRACE;

export class PtraceSpace implements HostSpace {
  readonly threads = new Set<PtraceThread>();
  private readonly request: RequestPage;
  /** Frames of STUB_DATA by slot; mapped for the life of the space. */
  private readonly dataFrames: (PhysAddr | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  /** A queue that ran over failed here; `commit` tells. */
  private pendingError: 0 | Errno = 0;
  private gone = false;

  constructor(
    readonly platform: PtracePlatform,
    /** Host process id. */
    readonly leader: HostPid,
    private readonly requestFrame: PhysAddr,
    slot: number,
    dataFrame: PhysAddr,
  ) {
    this.request = new RequestPage(platform.frames, requestFrame, platform.frames.fd);
    this.dataFrames[slot] = dataFrame;
    for (let free = slot - 1; free >= 0; free--) this.freeSlots.push(free);
  }

  map(address: GuestAddr, length: number, prot: number, phys: PhysAddr, populate = false): void {
    checkRange(address, length);
    this.makeRoom();
    this.request.map(address, length, prot, phys, populate);
  }

  unmap(address: GuestAddr, length: number): void {
    checkRange(address, length);
    this.makeRoom();
    this.request.unmap(address, length);
  }

  protect(address: GuestAddr, length: number, prot: number): void {
    checkRange(address, length);
    this.makeRoom();
    this.request.protect(address, length, prot);
  }

  clear(): void {
    this.makeRoom();
    this.request.unmap(0, TASK_SIZE);
  }

  private makeRoom(): void {
    if (!this.request.isFull) return;
    const result = this.commit();
    if (isErr(result)) this.pendingError = result;
  }

  /** Unmaps what the host has put into the first stub process, wherever it lies; it may refuse. */
  unmapHost(address: number, length: number, zygote: PtraceThread): void {
    this.request.call(NR.munmap, address, length);
    this.runQueued(zygote);
  }

  get hasQueued(): boolean {
    return this.request.count > 0 || this.pendingError !== 0;
  }

  commit(): 0 | Errno {
    if (!this.hasQueued) return 0;
    for (const thread of this.threads) {
      if (!thread.running && !thread.dead) return this.runAndRefault(thread);
    }
    for (const thread of this.threads) {
      if (thread.dead) continue;
      const stands = thread.interrupt();
      if (thread.dead) continue;
      const result = this.runAndRefault(thread);
      if (stands && !thread.dead) thread.restart();
      return result;
    }
    this.request.reset();
    return ESRCH;
  }

  /**
   * A batch in a thread whose page fault nobody has heard of yet would take away what completeFault needs: the fault is forgotten
   * then, and happens again.
   */
  private runAndRefault(thread: PtraceThread): 0 | Errno {
    const again = thread.trap.kind === TRAP_FAULT && this.platform.withdraw(thread);
    const result = this.runQueued(thread);
    if (again && !thread.dead) thread.restart();
    return result;
  }

  /** Runs the queue by a stopped thread. */
  runQueued(thread: PtraceThread): 0 | Errno {
    const earlier = this.pendingError;
    this.pendingError = 0;
    const count = this.request.count;
    this.request.reset();
    if (count === 0) return earlier;
    const { platform } = this;
    platform.counts.batches++;
    platform.counts.operations += count;
    thread.invalidate();
    if (isErr(runStub(thread.tid, thread.file, platform.stub.batch, count))) return ESRCH;
    const left = stubRegisters.get(SLOT.r12);
    if (left > 0) return (stubRegisters.words[SLOT.rax * 2]! | 0) as Errno;
    return earlier;
  }

  newThread(from: HostThread): HostThread | Errno {
    const parent = this.ownThread(from);
    const slot = this.freeSlots.pop() ?? this.dataFrames.length;
    if (slot >= MAX_STUB_THREADS) return EAGAIN;
    const { platform, request } = this;
    const data = stubDataAddress(slot, platform.dataStride);
    if (this.dataFrames[slot] === undefined) {
      const frame = platform.frames.allocate(platform.dataPages, platform.dataPages);
      if (isErr(frame)) return this.returnSlot(slot, frame);
      this.dataFrames[slot] = frame;
      request.call(NR.mmap, data, platform.dataStride, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, platform.frames.fd, frame);
    }
    const stack = request.storeSignalStack(data + ALTERNATE_STACK_OFFSET, platform.dataStride - ALTERNATE_STACK_OFFSET);
    const tid = this.runClone(parent, THREAD_FLAGS, () => request.call(NR.sigaltstack, stack, 0));
    if (isErr(tid)) return this.returnSlot(slot, tid);
    platform.counts.threads++;
    return this.adopt(new PtraceThread(this, tid, slot), parent);
  }

  private returnSlot(slot: number, error: Errno): Errno {
    this.freeSlots.push(slot);
    return error;
  }

  fork(from: HostThread): HostThread | Errno {
    const parent = this.ownThread(from);
    const { platform } = this;
    const { frames, dataPages } = platform;
    const requestFrame = frames.allocate(1);
    if (isErr(requestFrame)) return requestFrame;
    const dataFrame = frames.allocate(dataPages, dataPages);
    if (isErr(dataFrame)) {
      frames.release(requestFrame, 1);
      return dataFrame;
    }
    const pid = this.runClone(parent, PROCESS_FLAGS, () => this.queueChildSetUp(parent.slot, requestFrame, dataFrame));
    if (isErr(pid)) {
      frames.release(requestFrame, 1);
      frames.release(dataFrame, dataPages);
      return pid;
    }
    platform.counts.forks++;
    const space = new PtraceSpace(platform, pid, requestFrame, parent.slot, dataFrame);
    return space.adopt(new PtraceThread(space, pid, parent.slot), parent);
  }

  /** What a forked stub process does before anything else: it takes its own stub pages, and keeps none of its parent's. */
  private queueChildSetUp(slot: number, requestFrame: PhysAddr, dataFrame: PhysAddr): void {
    const { request, platform } = this;
    const { fd } = platform.frames;
    const stride = platform.dataStride;
    const data = stubDataAddress(slot, stride);
    const end = stubDataAddress(this.dataFrames.length, stride);
    request.call(NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
    request.call(NR.mmap, data, stride, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, dataFrame);
    if (slot > 0) request.call(NR.munmap, STUB_DATA, data - STUB_DATA);
    if (end > data + stride) request.call(NR.munmap, data + stride, end - data - stride);
    // Last: the page with these operations goes away; the stub counts them in a register.
    request.call(NR.mmap, STUB_REQUEST, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, requestFrame);
  }

  /** Runs the queue, then a clone whose child runs what `queueChild` adds. Returns the child's id; it is not yet adopted. */
  private runClone(parent: PtraceThread, flags: number, queueChild: () => void): HostPid | Errno {
    const { request, platform } = this;
    if (this.pendingError !== 0) {
      request.reset();
      const error = this.pendingError;
      this.pendingError = 0;
      return error;
    }
    const before = request.count;
    request.call(NR.clone, flags);
    queueChild();
    const childOperations = request.count - before - 1;
    request.reset();
    if (before > 0) platform.counts.batches++;
    platform.counts.operations += before;
    parent.invalidate();
    if (isErr(runStub(parent.tid, parent.file, platform.stub.clone, before, childOperations))) return ESRCH;
    const result = stubRegisters.words[SLOT.rax * 2]! | 0;
    return result as HostPid | Errno;
  }

  /** Lets a fresh clone set itself up, and makes it a guest thread with the registers of `like`. */
  private adopt(thread: PtraceThread, like: PtraceThread): HostThread | Errno {
    this.threads.add(thread);
    this.platform.remember(thread);
    thread.file.words.set(like.file.words);
    thread.invalidate();
    thread.place.mask = like.place.mask; // inherited
    const { tid } = thread;
    // First it stops by itself, as every traced clone does.
    const arrived = waitFor(tid, WAIT_OPTIONS);
    const ready = !isErr(arrived) && isStopped(lastStatus()) && !isErr(continueToTrap(tid)) && stubRegisters.get(SLOT.r12) === 0;
    if (ready && stubRegisters.get(SLOT.rip) === STUB_CODE + this.platform.stub.stopped) return thread;
    if (!isErr(arrived) && !isStopped(lastStatus())) this.platform.forget(thread);
    thread.destroy();
    return EAGAIN;
  }

  private ownThread(from: HostThread): PtraceThread {
    assert(from instanceof PtraceThread && from.space === this && !from.running, 'clone from a stopped thread of this space');
    return from;
  }

  /** Words of a slot's faultinfo. The guest can write them too. */
  faultInfo(slot: number): Uint32Array {
    const bytes = frameBytes(this.platform.frames, this.dataFrames[slot]!, 64);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, 16);
  }

  /** A thread has ended by itself: its slot is free once more. */
  drop(thread: PtraceThread): void {
    this.threads.delete(thread);
    this.freeSlots.push(thread.slot);
  }

  kill(): void {
    kill(this.leader, SIGKILL);
  }

  destroy(): void {
    if (this.gone) return;
    this.gone = true;
    this.kill();
    // A stopped thread executes nothing more. A running one might, for a moment, in memory that others get next: wait for its end.
    const someRan = [...this.threads].some((thread) => thread.running);
    for (const thread of this.threads) thread.abandon();
    if (someRan) this.reap();
    this.threads.clear();
    const { frames, dataPages } = this.platform;
    frames.release(this.requestFrame, 1);
    for (const frame of this.dataFrames) if (frame !== undefined) frames.release(frame, dataPages);
  }

  /** Waits until every thread is gone, the leader last: the host reports it only then. */
  private reap(): void {
    for (const tid of this.platform.tidsOf(this)) {
      let pid = waitFor(tid, WAIT_OPTIONS);
      while (!isErr(pid) && isStopped(lastStatus())) pid = waitFor(tid, WAIT_OPTIONS);
      this.platform.forgetTid(tid);
    }
  }
}

function checkRange(address: number, length: number): void {
  const ok = address >= 0 && length > 0 && address + length <= TASK_SIZE && address % PAGE_SIZE === 0 && length % PAGE_SIZE === 0;
  assert(ok, `address space operation out of range: ${address} + ${length}`);
}

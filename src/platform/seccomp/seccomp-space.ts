/** A guest address space of the seccomp platform: a stub process, steered by orders to its mm thread. */
import type { Errno, GuestAddr, HostPid, PhysAddr } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { assert } from '../../base/assert.js';
import { PAGE_SIZE } from '../../base/page.js';
import { EAGAIN, ESRCH } from '../../abi/errno.js';
import { MAP_FIXED, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { CLONE_FILES, CLONE_FS, CLONE_PARENT, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM } from '../../abi/sched.js';
import { SIGCHLD, SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { kill } from '../../host/process.js';
import { TASK_SIZE, type HostSpace, type HostThread, type PatchedPage, type SitePatcher } from '../platform.js';
import { MAX_STUB_THREADS, STUB_DATA, stubDataAddress } from '../stub/layout.js';
import {
  DATA_EXIT,
  DATA_FRAME,
  DATA_MISSES,
  DATA_PROMOTE,
  DATA_SKIP,
  DATA_TURN,
  LOWEST_GUEST,
  ORDER_BATCH,
  ORDER_FORK,
  ORDER_NEW_THREAD,
  TURN_KERNEL,
} from './layout.js';
import type { MmThread } from './mm-thread.js';
import type { SeccompPlatform } from './seccomp-platform.js';
import { SeccompThread } from './seccomp-thread.js';
import type { PatchedText } from './site-table.js';
import { SpaceSites } from './space-sites.js';
import { SharedWords } from './words.js';

export const PROCESS_FLAGS = CLONE_PARENT | CLONE_FILES | CLONE_FS | SIGCHLD;
export const THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

export class SeccompSpace implements HostSpace {
  readonly threads = new Set<SeccompThread>();
  /** Frames of STUB_DATA by slot; mapped for the life of the space. */
  private readonly dataFrames: (PhysAddr | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private pendingError: 0 | Errno = 0;
  /** Killed, by `destroy` or because something went wrong. */
  isGone = false;
  private destroyed = false;
  /** Its process is no more. */
  private buried = false;
  /** What to call when its process is no more, when what is queued is in force, and when the order under way has been carried out. */
  private readonly atEnd: (() => void)[] = [];
  private afterQueue: (() => void)[] = [];
  private afterOrder: (() => void)[] = [];
  /** The first thread, which does not exist on the host before the first order: `commit` brings it to life. */
  private unborn: SeccompThread | undefined = undefined;
  readonly sites: SpaceSites;
  readonly lowestAddress = LOWEST_GUEST;
  private readonly gone = (): boolean => this.isGone || this.platform.hasEnded(this.leader);

  constructor(
    readonly platform: SeccompPlatform,
    /** Host process id: that of the mm thread. */
    readonly leader: HostPid,
    readonly mm: MmThread,
  ) {
    this.sites = new SpaceSites(platform.frames, platform.sites);
  }

  get patcher(): SitePatcher {
    return this.platform.sites;
  }

  mapPatched(address: GuestAddr, prot: number, phys: PhysAddr, page: PatchedPage): boolean {
    checkRange(address, PAGE_SIZE);
    this.makeRoom();
    if (!this.sites.place(address, page as PatchedText, this.mm.queue)) return false;
    this.map(address, PAGE_SIZE, prot, phys, true);
    return true;
  }

  forgetPatched(address: GuestAddr): void {
    this.sites.forget(address);
  }

  map(address: GuestAddr, length: number, prot: number, phys: PhysAddr, populate = false): void {
    checkRange(address, length);
    this.makeRoom();
    this.mm.queue.map(address, length, prot, phys, populate);
  }

  unmap(address: GuestAddr, length: number): void {
    checkRange(address, length);
    this.makeRoom();
    this.mm.queue.unmap(address, length);
  }

  protect(address: GuestAddr, length: number, prot: number): void {
    checkRange(address, length);
    this.makeRoom();
    this.mm.queue.protect(address, length, prot);
  }

  get hasEnded(): boolean {
    return this.gone();
  }

  clear(): void {
    this.makeRoom();
    for (const thread of this.threads) thread.answerLater(); // a program is loaded next
    this.sites.clear();
    this.mm.queue.unmap(LOWEST_GUEST, TASK_SIZE - LOWEST_GUEST);
  }

  private makeRoom(): void {
    const result = this.mm.queue.isFull ? this.commit() : this.finish();
    if (isErr(result)) this.pendingError = result;
  }

  get hasQueued(): boolean {
    return this.mm.queue.count > 0 || this.pendingError !== 0 || (this.unborn !== undefined && !this.mm.isBusy);
  }

  commit(): 0 | Errno {
    const finished = this.finish();
    const earlier = this.pendingError || finished;
    this.pendingError = 0;
    const { count } = this.mm.queue;
    if (count === 0 && !this.unborn) return earlier;
    const result = this.give(this.queueBirth(), count, this.platform.servedIn(this));
    return isErr(result) ? result : earlier;
  }

  /** Has what is queued carried out before its threads go on, without waiting for it: who is resumed sees to it (TURN_ORDER). */
  begin(): 0 | Errno {
    const finished = this.finish();
    const earlier = this.pendingError || finished;
    if (isErr(earlier)) return earlier;
    const { count } = this.mm.queue;
    const isBirth = this.unborn !== undefined;
    this.order(this.queueBirth(), count);
    this.platform.underWay.add(this);
    if (isBirth) this.mm.wake(); // there is nobody else
    return 0;
  }

  /** The kind of the next order: to make the first thread, or to do no more than what is queued. */
  private queueBirth(): number {
    if (!this.unborn) return ORDER_BATCH;
    this.mm.queue.call(NR.clone, THREAD_FLAGS, 0, 0, 0, 0, STUB_DATA);
    return ORDER_NEW_THREAD;
  }

  private order(kind: number, count: number): void {
    const { counts } = this.platform;
    if (count > 0) counts.batches++;
    counts.operations += count;
    this.mm.order(kind, count);
    [this.afterOrder, this.afterQueue] = [this.afterQueue, this.afterOrder];
  }

  /** Has an order carried out, by `driver` if it can. A mm thread that does not answer costs the process its life. */
  give(kind: number, count: number, driver: SeccompThread | undefined): number | Errno {
    if (this.isGone) return ESRCH;
    this.order(kind, count);
    return this.awaitOrder(driver?.driveOrder() ?? false);
  }

  /** Waits for the order under way, if there is one. */
  private finish(): 0 | Errno {
    if (!this.mm.isBusy) return 0;
    const result = this.awaitOrder(true);
    return isErr(result) ? result : 0;
  }

  private awaitOrder(isDriven: boolean): number | Errno {
    const waited = this.isGone ? ESRCH : this.mm.await(this.platform.orderSpin, isDriven, this.leader, this.gone);
    if (!isErr(waited)) return this.takeAnswer();
    this.mm.isBusy = false;
    this.kill();
    return waited;
  }

  /**
   * Before a thread is judged by what it does: one that sleeps until the order under way is done is right to do so, however long the
   * host leaves its mm thread no CPU.
   */
  quiesce(): void {
    if (this.mm.isBusy && isErr(this.awaitOrder(false))) this.kill();
  }

  /** Takes note that the order under way has been carried out, if it has. */
  collect(): void {
    if (!this.mm.isBusy || !this.mm.isDone) return;
    if (isErr(this.takeAnswer())) this.kill(); // its threads go on without memory that they were told they have
  }

  private takeAnswer(): number | Errno {
    const answer = this.mm.takeAnswer();
    this.platform.underWay.delete(this);
    const done = this.afterOrder;
    if (isErr(answer)) {
      this.atEnd.push(...done); // what was to be unmapped behind the failure still is mapped
    } else {
      this.sites.settle();
      for (const release of done) release();
      if (this.unborn) this.unborn.born = answer;
      this.unborn = undefined;
    }
    done.length = 0;
    return answer;
  }

  newThread(from: HostThread): HostThread | Errno {
    const parent = this.ownThread(from);
    if (this.platform.isFull(this.threads.size)) return EAGAIN;
    const slot = this.takeSlot();
    if (slot >= MAX_STUB_THREADS) return EAGAIN;
    const failed = this.commit();
    const data = isErr(failed) ? failed : this.mapData(slot);
    if (isErr(data)) return this.returnSlot(slot, data);
    this.fillData(data, slot, parent);
    this.mm.queue.call(NR.clone, THREAD_FLAGS, 0, 0, 0, 0, stubDataAddress(slot, this.platform.dataStride));
    const tid = this.give(ORDER_NEW_THREAD, 0, parent);
    if (isErr(tid)) return this.returnSlot(slot, tid);
    this.platform.counts.threads++;
    const thread = this.adopt(slot, data, parent);
    thread.born = tid;
    return thread;
  }

  private takeSlot(): number {
    if (this.freeSlots.length === 0) this.platform.leaving.look();
    return this.freeSlots.pop() ?? this.dataFrames.length;
  }

  private returnSlot(slot: number, error: Errno): Errno {
    this.freeSlot(slot);
    return error;
  }

  freeSlot(slot: number): void {
    this.freeSlots.push(slot);
  }

  /** STUB_DATA of a slot, mapped. */
  private mapData(slot: number): SharedWords | Errno {
    const { platform } = this;
    const { frames, dataStride, dataPages } = platform;
    let frame = this.dataFrames[slot];
    if (frame === undefined) {
      const fresh = frames.allocate(dataPages, dataPages);
      if (isErr(fresh)) return fresh;
      frame = fresh;
      this.dataFrames[slot] = frame;
      const address = stubDataAddress(slot, dataStride);
      this.mm.queue.call(NR.mmap, address, dataStride, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, frames.fd, frame);
      const mapped = this.commit();
      if (isErr(mapped)) {
        frames.release(frame, dataPages);
        this.dataFrames[slot] = undefined;
        return mapped;
      }
    }
    return new SharedWords(frames, frame, dataStride);
  }

  /** What a new thread finds: the frame of `like` (undefined: of a new program) and the kernel's turn. */
  private fillData(data: SharedWords, slot: number, like: SeccompThread | undefined): void {
    const { platform } = this;
    const address = stubDataAddress(slot, platform.dataStride);
    if (like) platform.shape.copy(like.data.bytes, data.bytes, address);
    else platform.shape.writeFresh(data.bytes, address);
    data.store64(DATA_FRAME, address + platform.shape.ucontext);
    data.store64(DATA_SKIP, 0);
    data.store64(DATA_MISSES, 0);
    data.store64(DATA_EXIT, 0);
    data.store64(DATA_PROMOTE, 0);
    data.store(DATA_TURN, TURN_KERNEL);
  }

  fork(from: HostThread): HostThread | Errno {
    return this.forkLike(this.ownThread(from));
  }

  /** `like` undefined: a space for a new program, from the first stub process. */
  forkLike(like: SeccompThread | undefined): HostThread | Errno {
    const { platform } = this;
    const { frames, dataPages, dataStride } = platform;
    const failed = this.pendingError || this.unborn ? this.commit() : this.finish();
    if (isErr(failed)) return failed;
    const requestFrame = frames.allocate(1);
    if (isErr(requestFrame)) return requestFrame;
    const dataFrame = frames.allocate(dataPages, dataPages);
    if (isErr(dataFrame)) {
      frames.release(requestFrame, 1);
      return dataFrame;
    }
    const mm = platform.makeMm(requestFrame);
    const data = new SharedWords(frames, dataFrame, dataStride);
    this.fillData(data, 0, like);
    const pid = this.cloneProcess(requestFrame, like);
    like?.answerLater(); // instead of spinning against its own child
    if (isErr(pid)) {
      frames.release(requestFrame, 1);
      frames.release(dataFrame, dataPages);
      return pid;
    }
    platform.counts.forks++;
    const space = new SeccompSpace(platform, pid, mm);
    if (like) this.sites.copyTo(space.sites);
    space.dataFrames[0] = dataFrame;
    platform.spaces.set(pid, space);
    this.queueData(mm, dataFrame);
    space.unborn = space.adopt(0, data, like);
    return space.unborn;
  }

  /** Runs the queue, then clones. */
  private cloneProcess(requestFrame: PhysAddr, driver: SeccompThread | undefined): HostPid | Errno {
    const { queue } = this.mm;
    const { count } = queue;
    queue.call(NR.clone, PROCESS_FLAGS, 0, 0, 0, 0, requestFrame);
    return this.give(ORDER_FORK, count, driver);
  }

  /** The first operations of a child: its own STUB_DATA in the place of all of the parent's. */
  private queueData(mm: MmThread, dataFrame: PhysAddr): void {
    const { frames, dataStride } = this.platform;
    const shared = MAP_SHARED | MAP_FIXED;
    mm.queue.call(NR.mmap, STUB_DATA, dataStride, PROT_READ | PROT_WRITE, shared, frames.fd, dataFrame);
    const rest = (this.dataFrames.length - 1) * dataStride;
    if (rest > 0) mm.queue.call(NR.munmap, STUB_DATA + dataStride, rest);
  }

  private adopt(slot: number, data: SharedWords, like: SeccompThread | undefined): SeccompThread {
    const thread = new SeccompThread(this, slot, data);
    this.threads.add(thread);
    if (like) thread.copyRegisters(like);
    return thread;
  }

  private ownThread(from: HostThread): SeccompThread {
    assert(from instanceof SeccompThread && from.space === this && !from.running, 'clone from a stopped thread of this space');
    from.complete();
    return from;
  }

  /** A thread that has been told to end. */
  leave(thread: SeccompThread): void {
    this.threads.delete(thread);
    this.platform.leaving.add(thread);
  }

  kill(): void {
    this.isGone = true;
    if (!this.platform.isReaped(this.leader)) kill(this.leader, SIGKILL);
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    const alone = this.threads.size === 1 && !this.platform.leaving.hasOf(this);
    this.kill();
    for (const thread of this.threads) thread.abandon();
    this.threads.clear();
    this.platform.spaces.delete(this.leader);
    this.platform.underWay.delete(this);
    // Several threads may be running, and nobody shall see them write after the process is known to have ended.
    this.platform.dying.add(this, alone);
  }

  whenOutOfReach(release: () => void): void {
    if (this.buried) release();
    else if (this.destroyed) this.atEnd.push(release);
    else if (this.mm.queue.count > 0) this.afterQueue.push(release);
    else if (this.mm.isBusy) this.afterOrder.push(release);
    else release();
  }

  /** The process has ended. Even a stopped thread might have run before, if the guest forged its state: now its memory is for others. */
  bury(): void {
    this.buried = true;
    for (const releases of [this.atEnd, this.afterQueue, this.afterOrder]) for (const release of releases) release();
    this.sites.dispose();
    const { frames, dataPages } = this.platform;
    frames.release(this.mm.frame, 1);
    for (const frame of this.dataFrames) if (frame !== undefined) frames.release(frame, dataPages);
  }
}

function checkRange(address: number, length: number): void {
  const ok =
    address >= LOWEST_GUEST && length > 0 && address + length <= TASK_SIZE && address % PAGE_SIZE === 0 && length % PAGE_SIZE === 0;
  assert(ok, `address space operation out of range: ${address} + ${length}`);
}

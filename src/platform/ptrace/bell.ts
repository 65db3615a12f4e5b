/**
 * The bell: a stub process that listens on an epoll set and traps when something is there, so that the kernel thread, asleep in
 * wait4, is woken by rings (an eventfd), deadlines (a timerfd) and guests alike. Both descriptors are edge-triggered: nobody has
 * to read them.
 */
import type { HostFd, HostPid } from '../../base/brands.js';
import { isErr, type Errno } from '../../base/brands.js';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLLET, EPOLLIN } from '../../abi/epoll.js';
import type { Clock } from '../../base/clock.js';
import { closeFd, epollCreate1, epollCtl, eventfd, timerfdArm, timerfdCreate } from '../../host/events.js';
import { PTRACE_CONT, ptrace } from '../../host/ptrace.js';

const CLOCK_MONOTONIC = 1;
const O_CLOEXEC = 0x80000;
const O_NONBLOCK = 0x800;

export class BellFds {
  private constructor(
    readonly epoll: HostFd,
    readonly ring: HostFd,
    readonly timer: HostFd,
  ) {}

  static create(): BellFds | Errno {
    const epoll = epollCreate1(EPOLL_CLOEXEC);
    if (isErr(epoll)) return epoll;
    const ring = eventfd(0, O_CLOEXEC | O_NONBLOCK);
    const timer = timerfdCreate(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK);
    const fds = new BellFds(epoll, ring as HostFd, timer as HostFd); // checked below
    for (const fd of [ring, timer]) {
      const result = isErr(fd) ? fd : epollCtl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET);
      if (!isErr(result)) continue;
      fds.close();
      return result;
    }
    return fds;
  }

  close(): void {
    for (const fd of [this.epoll, this.ring, this.timer]) if (fd >= 0) closeFd(fd);
  }
}

export class Bell {
  /** It has trapped and is to be let go before the next sleep. */
  private stopped = true;
  private armedNs = Infinity;

  constructor(
    readonly tid: HostPid,
    private readonly timer: HostFd,
    private readonly clock: Clock,
  ) {}

  /**
   * Prepares a sleep until `deadlineNs`. False when the deadline has passed already. A timer that is armed for earlier stays: it
   * wakes the kernel once for nothing, which is cheaper than setting it at every sleep.
   */
  listen(deadlineNs: number): boolean {
    if (deadlineNs < this.armedNs) {
      if (deadlineNs <= this.clock.monotonicNs()) return false;
      this.armedNs = deadlineNs;
      timerfdArm(this.timer, deadlineNs);
    }
    if (this.stopped) {
      this.stopped = false;
      ptrace(PTRACE_CONT, this.tid, 0, 0);
    }
    return true;
  }

  /** It stopped: at its trap, or for a signal from outside that means nothing. */
  onStop(trapped: boolean): void {
    this.stopped = true;
    if (trapped && this.armedNs !== Infinity && this.clock.monotonicNs() >= this.armedNs) this.armedNs = Infinity;
  }
}

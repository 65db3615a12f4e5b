/**
 * The machine's memory limit (Linux: mm/oom_kill.c). Frames that the kernel fills itself are refused at the limit (phys-mem.ts).
 * Pages of frames that were handed out in advance are backed by the host when guests touch them, without telling us; so while
 * guests run, what is really used is looked at, and beyond the limit the process with the most memory is killed. The less is left
 * the sooner is the next look: a guest passes the limit by what it touches within MIN_INTERVAL_NS, a few MiB.
 */
import { ENOMEM } from '../abi/errno.js';
import { SIGKILL } from '../abi/signal.js';
import { exitGroup } from './exit.js';
import { noteLimit } from './limits-reached.js';
import type { Machine } from './machine.js';
import type { Task } from './task.js';
import { Timer } from './timers.js';
import type { ThreadGroup } from './thread-group.js';

const MAX_INTERVAL_NS = 20e6;
const MIN_INTERVAL_NS = 1e6;
/** Guests touch memory at most so fast: 4 GB/s. */
const NS_PER_BYTE = 0.25;

export class MemoryLimit {
  /** Processes killed for memory since start. */
  kills = 0;
  private readonly timer: Timer;
  /** Killed, and perhaps not gone yet. */
  private victim: ThreadGroup | undefined = undefined;

  constructor(private readonly machine: Machine) {
    this.timer = new Timer(() => this.look());
  }

  /** Memory was handed out: look after it while guests run. Cheap: called for every page fault. */
  watch(): void {
    if (!this.timer.armed) this.lookAgain();
  }

  private look(): void {
    if (!this.victimLives() && this.machine.physmem.isOverLimit()) this.killLargest();
    if (this.anyRunning()) this.lookAgain();
  }

  private lookAgain(): void {
    const { physmem, timers, clock } = this.machine;
    const left = (physmem.limitBytes - physmem.hostBytesUsed()) * NS_PER_BYTE;
    timers.arm(this.timer, clock.monotonicNs() + Math.min(MAX_INTERVAL_NS, Math.max(MIN_INTERVAL_NS, left)));
  }

  /** The memory of one that was killed is still to come back. */
  private victimLives(): boolean {
    const { victim } = this;
    if (victim && victim.exitStatus === undefined && victim.tasks.size > 0) return true;
    this.victim = undefined;
    return false;
  }

  private anyRunning(): boolean {
    for (const task of this.machine.tasks.values()) if (task.state === 'running' && task.thread.running) return true;
    return false;
  }

  private killLargest(): void {
    let victim: ThreadGroup | undefined;
    let most = -Infinity;
    const alive = [...this.machine.groups.values()].filter((group) => group.exitStatus === undefined && group.tasks.size > 0);
    for (const group of alive) {
      // Guests go on touching memory while we look: it must be quick, and is not needed where there is no choice.
      const pages = alive.length > 1 ? pagesOf(group) + group.oomScoreAdjust * 1e6 : 0;
      if (pages <= most) continue;
      most = pages;
      victim = group;
    }
    if (victim) this.kill(victim);
  }

  /** Ends a process for which there is no memory. */
  kill(group: ThreadGroup): void {
    this.kills++;
    this.victim = group;
    group.outOfMemory = true;
    noteLimit(group, 'memory');
    const [task] = group.tasks;
    if (task) exitGroup(task, SIGKILL);
  }
}

/** The answer to a call that wanted `lengthBytes` mapped: one that no machine of this size could hold is told in `usage.limits`. */
export function noteRefusedMapping(task: Task, lengthBytes: number, answer: number): number {
  if (answer === ENOMEM && lengthBytes > task.machine.physmem.limitBytes) noteLimit(task.group, 'memory');
  return answer;
}

function pagesOf({ leader, tasks }: ThreadGroup): number {
  const [task] = tasks;
  return (leader && leader.state !== 'zombie' ? leader : task!).mm.residentPages();
}

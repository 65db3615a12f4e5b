/**
 * The machine's memory limit (Linux: mm/oom_kill.c). The host backs pages that guests touch without telling us, so while guests
 * run, what is really used is looked at every now and then; beyond the limit the process with the most memory is killed.
 * A guest can pass the limit by what it touches between two looks, never stay there.
 */
import { SIGKILL } from '../abi/signal.js';
import { exitGroup } from './exit.js';
import type { Machine } from './machine.js';
import { Timer } from './timers.js';
import type { ThreadGroup } from './thread-group.js';

const INTERVAL_NS = 20e6;

export class MemoryLimit {
  /** Processes killed for memory since start. */
  kills = 0;
  private readonly timer: Timer;

  constructor(private readonly machine: Machine) {
    this.timer = new Timer(() => this.look());
  }

  /** Memory was handed out: look after it while guests run. Cheap: called for every page fault. */
  watch(): void {
    if (!this.timer.armed) this.machine.timers.arm(this.timer, this.machine.clock.monotonicNs() + INTERVAL_NS);
  }

  private look(): void {
    const { machine } = this;
    if (machine.physmem.isOverLimit()) this.killLargest();
    if (this.anyRunning()) machine.timers.arm(this.timer, machine.clock.monotonicNs() + INTERVAL_NS);
  }

  private anyRunning(): boolean {
    for (const task of this.machine.tasks.values()) if (task.state === 'running' && task.thread.running) return true;
    return false;
  }

  private killLargest(): void {
    let victim: ThreadGroup | undefined;
    let most = -1;
    for (const group of this.machine.groups.values()) {
      const { leader } = group;
      if (group.exitStatus !== undefined || group.tasks.size === 0) continue;
      const [task] = group.tasks;
      const pages = (leader && leader.state !== 'zombie' ? leader : task!).mm.statistics().resident + group.oomScoreAdjust * 1e6;
      if (pages <= most) continue;
      most = pages;
      victim = group;
    }
    if (victim) this.kill(victim);
  }

  /** Ends a process for which there is no memory. */
  kill(group: ThreadGroup): void {
    this.kills++;
    group.outOfMemory = true;
    const [task] = group.tasks;
    if (task) exitGroup(task, SIGKILL);
  }
}

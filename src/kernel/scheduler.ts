/**
 * Which tasks can go on (Linux: kernel/sched/core.c, of which only waking and sleeping are left: the host schedules).
 *
 * A task is in one of three places: on the host (running guest code), on wait queues (a blocked system call), or on the
 * machine's ready list, from which the run loop takes it. Nothing here runs a task: waking is safe from any handler.
 */
import type { WaitRequest, WakeReason } from '../base/blocking.js';
import type { Waiter } from '../base/wait-queue.js';
import { ERESTARTSYS, ETIMEDOUT } from '../abi/errno.js';
import type { Machine } from './machine.js';
import { killPending } from './signals/pending.js';
import type { Task } from './task.js';
import { Timer } from './timers.js';

/** A task's place on wait queues: one per task, reused for every sleep. */
export class Sleeper implements Waiter {
  private request: WaitRequest | undefined = undefined;
  private readonly timer: Timer;
  /** Why the sleep ended; meaningful once the task is on the ready list. */
  reason: WakeReason = 0;

  constructor(private readonly task: Task) {
    this.timer = new Timer(() => this.end(ETIMEDOUT));
  }

  get sleeping(): boolean {
    return this.request !== undefined;
  }

  get interruptible(): boolean {
    return this.request?.interruptible ?? false;
  }

  begin(request: WaitRequest): void {
    this.request = request;
    for (const source of request.sources) source.queue.add(this, source.mask, source.exclusive);
    if (request.deadlineNs !== Infinity) this.task.machine.timers.arm(this.timer, request.deadlineNs);
  }

  onWake(): void {
    this.end(0);
  }

  /** Takes the task off every queue and puts it on the ready list. */
  end(reason: WakeReason): void {
    if (!this.request) return;
    this.cancel();
    this.reason = reason;
    makeReady(this.task);
  }

  /** Takes the task off every queue without making it ready. */
  cancel(): void {
    if (!this.request) return;
    for (const source of this.request.sources) source.queue.remove(this);
    this.task.machine.timers.cancel(this.timer);
    this.request = undefined;
  }
}

/** Puts a task that is not on the host on the list from which the run loop goes on with it. */
export function makeReady(task: Task): void {
  if (task.ready) return;
  task.ready = true;
  task.machine.ready.push(task);
}

/**
 * Something about the task's signals or life changed: ends an interruptible sleep with ERESTARTSYS, makes a running task come
 * into the kernel, lets a stopped one look again. SIGKILL ends any sleep.
 */
export function interrupt(task: Task): void {
  switch (task.state) {
    case 'running':
      if (task.thread.running) task.thread.kick();
      return;
    case 'blocked':
      if (task.sleeper.interruptible || killPending(task)) task.sleeper.end(ERESTARTSYS);
      return;
    case 'stopped':
      makeReady(task);
      return;
    case 'zombie':
    case 'dead':
      return;
  }
}

/** The task trapped, or ended: whoever waited for that goes on. */
export function wakeTrapQueue(task: Task): void {
  const queue = task.trapQueue;
  task.trapQueue = undefined;
  queue?.wake();
}

/** Takes the next task that can go on. */
export function takeReady(machine: Machine): Task | undefined {
  const task = machine.ready.shift();
  if (task) task.ready = false;
  return task;
}

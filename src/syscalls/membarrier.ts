/**
 * membarrier(2) (Linux: kernel/sched/membarrier.c). A thread that runs guest code on another CPU passes a barrier when it is
 * made to trap; one that does not run has passed one since. So the caller kicks those that run, and waits for their traps.
 */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { WaitQueue } from '../base/wait-queue.js';
import { isErr } from '../base/brands.js';
import { EINVAL, EPERM } from '../abi/errno.js';
import { int, oneOf, partial, syscall, uint } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';

const MEMBARRIER_CMD_QUERY = 0;
const MEMBARRIER_CMD_GLOBAL = 1;
const MEMBARRIER_CMD_GLOBAL_EXPEDITED = 2;
const MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 4;
const MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;
const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16;
const MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 32;
const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64;
const MEMBARRIER_CMD_GET_REGISTRATIONS = 512;
const COMMANDS = {
  MEMBARRIER_CMD_QUERY,
  MEMBARRIER_CMD_GLOBAL,
  MEMBARRIER_CMD_GLOBAL_EXPEDITED,
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
  MEMBARRIER_CMD_GET_REGISTRATIONS,
};
const SUPPORTED = Object.values(COMMANDS).reduce((all, command) => all | command, 0);

/** Makes every other thread that runs, and that `concerns`, trap once. */
function* barrier(task: Task, concerns: (other: Task) => boolean): Blocking<number> {
  for (const other of [...task.machine.tasks.values()]) {
    if (other === task || !other.thread.running || !concerns(other)) continue;
    const queue = other.trapQueue ?? new WaitQueue();
    other.trapQueue = queue;
    other.thread.kick();
    while (other.trapQueue === queue) {
      const woken = yield* sleepOn(queue, -1, { interruptible: false });
      if (isErr(woken)) return woken;
    }
  }
  return 0;
}

export const membarrier = syscall(
  'membarrier',
  [oneOf(COMMANDS), uint, int],
  (task, command, options) => {
    if (options !== 0) return EINVAL;
    const { mm } = task;
    switch (command) {
      case MEMBARRIER_CMD_QUERY:
        return SUPPORTED;
      case MEMBARRIER_CMD_GET_REGISTRATIONS:
        return mm.membarriers;
      case MEMBARRIER_CMD_GLOBAL:
        return barrier(task, () => true);
      case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
        return barrier(task, (other) => (other.mm.membarriers & MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) !== 0);
      case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
      case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
      case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
        mm.membarriers |= command;
        return 0;
      case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
      case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
        // The bit above a command is that of its registration.
        if ((mm.membarriers & (command * 2)) === 0) return EPERM;
        return barrier(task, (other) => other.mm === mm);
      default:
        return EINVAL;
    }
  },
  partial('no barriers of restartable sequences'),
);

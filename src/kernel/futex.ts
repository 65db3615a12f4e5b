/** Futexes (Linux: kernel/futex/; futex(2)). */
import type { Task } from './task.js';

export function exitRobustList(_task: Task): void {}
export function clearChildTid(_task: Task): void {}

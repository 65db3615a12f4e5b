/** A thread's signal state: mask, own queue, alternate stack. SKELETON */
export declare class TaskSignals {
  copyForClone(): TaskSignals;
}

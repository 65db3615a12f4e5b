/** What the threads of a process share of signals: actions and the shared queue. SKELETON */
export declare class SharedSignals {
  copy(): SharedSignals;
}

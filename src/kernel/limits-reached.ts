/** Which limits a process or a child of it that was waited for has run into: what the result's `usage.limits` tells. */
import { LIMIT_NAMES, type LimitName } from './limit-names.js';
import type { ThreadGroup } from './thread-group.js';

export function noteLimit(group: ThreadGroup, name: LimitName): void {
  group.limitsReached |= 1 << LIMIT_NAMES.indexOf(name);
}

export function limitsReached(group: ThreadGroup): LimitName[] {
  return LIMIT_NAMES.filter((_, bit) => (group.limitsReached & (1 << bit)) !== 0);
}

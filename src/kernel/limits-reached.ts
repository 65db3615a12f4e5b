/** Which limits a process or a child of it that was waited for has run into: what the result's `usage.limits` tells. */
import type { ThreadGroup } from './thread-group.js';

/** Names as in the API's `limits`, without units; `wall` is told by the caller, who keeps that time. */
export const LIMIT_NAMES = ['memory', 'processes', 'openFiles', 'cpu', 'disk', 'output'] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

export function noteLimit(group: ThreadGroup, name: LimitName): void {
  group.limitsReached |= 1 << LIMIT_NAMES.indexOf(name);
}

export function limitsReached(group: ThreadGroup): LimitName[] {
  return LIMIT_NAMES.filter((_, bit) => (group.limitsReached & (1 << bit)) !== 0);
}

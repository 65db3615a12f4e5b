/** Limits of a machine that a program can run into, named as in the API's `limits`, without units. `wall` is told by the API, which keeps that time. */
export const LIMIT_NAMES = ['memory', 'processes', 'openFiles', 'cpu', 'disk', 'output'] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

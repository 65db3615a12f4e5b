/** The platforms that every guest and conformance test runs on: the one place to add one. SKAS_PLATFORMS narrows them. */
const ALL = ['ptrace', 'seccomp'] as const;

export type PlatformName = (typeof ALL)[number];

const chosen = (process.env['SKAS_PLATFORMS'] ?? ALL.join()).split(',');

export const PLATFORMS: readonly PlatformName[] = ALL.filter((name) => chosen.includes(name));

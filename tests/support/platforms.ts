/**
 * The platforms that every guest and conformance test runs on: the one place to add one. The seccomp platform is unfinished
 * and joins only where SKAS_PLATFORMS names it (SKAS_PLATFORMS=ptrace,seccomp).
 */
const ALL = ['ptrace', 'seccomp'] as const;

export type PlatformName = (typeof ALL)[number];

const chosen = (process.env['SKAS_PLATFORMS'] ?? 'ptrace').split(',');

export const PLATFORMS: readonly PlatformName[] = ALL.filter((name) => chosen.includes(name));

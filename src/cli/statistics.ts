/** --stats: the machine's counters as text. */
import type { MachineStatistics, Usage } from '../api/protocol.js';
import { formatStatistics } from '../trace/statistics.js';

export function formatRunStatistics(statistics: MachineStatistics, usage: Usage, wallMs: number): string {
  const { calls, signals, faultsResolved, faultsToSignals, platform, machine } = statistics;
  const counts = { calls: new Map(Object.entries(calls)), signals: new Map(Object.entries(signals)), faultsResolved, faultsToSignals };
  const summary =
    `wall ${wallMs.toFixed(1)} ms, cpu ${usage.cpuMs.toFixed(1)} ms, peak memory ${(usage.peakMemoryBytes / 2 ** 20).toFixed(1)} MiB, ` +
    `${usage.syscalls} system calls, ${machine.framesInUse} frames still in use`;
  return `${formatStatistics(counts, platform)}\n\n${summary}\n`;
}

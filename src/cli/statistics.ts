/** --stats: the machine's counters as a table. */
import type { MachineStatistics, Usage } from '../api/protocol.js';

export function formatStatistics(statistics: MachineStatistics, usage: Usage, wallMs: number): string {
  const lines = [
    '',
    `wall ${wallMs.toFixed(1)} ms, cpu ${usage.cpuMs.toFixed(1)} ms, peak memory ${(usage.peakMemoryBytes / 2 ** 20).toFixed(1)} MiB, ` +
      `${usage.syscalls} system calls`,
  ];
  for (const [group, counters] of Object.entries(statistics)) {
    const entries = Object.entries(counters).filter(([, count]) => count !== 0).sort((a, b) => b[1] - a[1]);
    if (entries.length === 0) continue;
    lines.push(`${group}:`);
    for (const [name, count] of entries) lines.push(`${String(count).padStart(12)}  ${name}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The tables of --stats as text. */
import type { CountingTracer } from './counters.js';

/** What a CountingTracer counted, also as it comes from another thread. */
export type Counts = Pick<CountingTracer, 'calls' | 'signals' | 'faultsResolved' | 'faultsToSignals'>;

/** Calls by time, most first, as `strace -c` has them; then faults, signals and the platform's counters. */
export function formatStatistics(tracer: Counts, platform: Readonly<Record<string, number>> = {}): string {
  return [...callTable(tracer), ...eventTable(tracer), ...platformTable(platform)].join('\n');
}

function callTable(tracer: Counts): string[] {
  const rows = [...tracer.calls].sort((a, b) => b[1].timeNs - a[1].timeNs);
  const total = rows.reduce((sum, [, counter]) => sum + counter.timeNs, 0);
  const lines = [
    '% time     seconds  us/call     calls    errors syscall',
    `------ ----------- -------- --------- --------- ${'-'.repeat(16)}`,
  ];
  for (const [name, { calls, errors, timeNs }] of rows) {
    const share = total > 0 ? (timeNs / total) * 100 : 0;
    const columns = [
      share.toFixed(2).padStart(6),
      (timeNs / 1e9).toFixed(6).padStart(11),
      (timeNs / 1e3 / calls).toFixed(1).padStart(8),
      String(calls).padStart(9),
      (errors > 0 ? String(errors) : '').padStart(9),
      name,
    ];
    lines.push(columns.join(' '));
  }
  return lines;
}

function eventTable(tracer: Counts): string[] {
  const lines = ['', `page faults served: ${tracer.faultsResolved}, turned into signals: ${tracer.faultsToSignals}`];
  const signals = [...tracer.signals].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
  if (signals.length > 0) lines.push(`signals: ${signals.join(', ')}`);
  return lines;
}

function platformTable(platform: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(platform).filter(([, count]) => count !== 0);
  return rows.length === 0 ? [] : ['', ...rows.map(([name, count]) => `${String(count).padStart(12)} ${name}`)];
}

/** The micro-benchmark mb.c under every peer: one row for each operation, microseconds. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../tools/repository.js';
import type { Peer } from './peers.js';
import { significant, Table } from './table.js';

/** What mb.c calls an operation -> what the table calls it. */
const LABELS: Readonly<Record<string, string>> = {
  getppid: 'getppid',
  'mmap+munmap': 'mmap+munmap 64 KiB',
  fault4k: 'first touch of a 4 KiB page',
  mprotect2: 'mprotect twice',
  'fork+wait': 'fork+exit+wait',
  'fork+exec': 'fork+exec+wait (static)',
  'pipe-rtt': 'pipe round trip',
  stat: 'stat',
  'open+close': 'open+close',
  write64k: 'write 64 KiB',
  read64k: 'read 64 KiB',
  pread1: 'pread of 1 byte',
  cpu200M: '200 M additions',
};

export interface BenchOptions {
  readonly repeats: number;
  /** Work is cut by this. */
  readonly divisor: number;
  /** Where programs and files go. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

export async function microTable(peers: readonly Peer[], options: BenchOptions): Promise<Table> {
  const program = join(options.folder, 'mb');
  execFileSync('gcc', ['-O2', '-static', '-w', '-o', program, join(ROOT, 'bench/mb.c')]);
  const table = new Table(
    'one operation, us',
    peers.map((peer) => peer.name),
    (ns) => significant(ns / 1000),
  );
  // Peers take turns, so that a busy minute of the machine hurts all of them.
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const peer of peers) {
      const file = join(options.folder, 'bench-file');
      const { stdout, stderr, exitCode } = await peer.run([program, String(peer.divisor * options.divisor), file], options.folder);
      const lines = [...stdout.matchAll(/^(\S+) +([\d.]+) ns\/op$/gm)];
      for (const [, name, ns] of lines) table.add(LABELS[name!] ?? name!, peer.name, Number(ns));
      options.say(
        `micro ${repeat + 1}/${options.repeats} ${peer.name}: ${lines.length} operations${exitCode === 0 ? '' : `, exit ${exitCode}: ${stderr.slice(-200)}`}`,
      );
    }
  }
  return table;
}

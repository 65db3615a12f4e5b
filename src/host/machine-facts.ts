/** What the host tells of its hardware to everybody: CPUs and their caches. Read once, when somebody asks. */
import { readdirSync, readFileSync } from 'node:fs';

let cpuInfo: string[][] | undefined;

/** The lines of /proc/cpuinfo for each CPU, without the first ("processor"); empty when it cannot be read. */
export function hostCpuInfo(): readonly string[][] {
  cpuInfo ??= read('/proc/cpuinfo')
    .split('\n\n')
    .filter((block) => block.includes(':'))
    .map((block) => block.split('\n').filter((line) => line !== '' && !line.startsWith('processor')));
  return cpuInfo;
}

/** Name of a file of /sys/devices/system/cpu/cpu0/cache/indexN to its text. */
export type CacheFacts = ReadonlyMap<string, string>;

const CACHE_FILES = ['level', 'type', 'size', 'coherency_line_size', 'number_of_sets', 'ways_of_associativity', 'physical_line_partition'];
const CACHE = '/sys/devices/system/cpu/cpu0/cache';
let caches: CacheFacts[] | undefined;

/** The caches of the first CPU; empty where the host does not tell. */
export function hostCaches(): readonly CacheFacts[] {
  caches ??= listOf(CACHE)
    .filter((name) => name.startsWith('index'))
    .sort()
    .map((name) => {
      const facts = CACHE_FILES.map((file) => [file, read(`${CACHE}/${name}/${file}`).trim()] as const);
      return new Map(facts.filter(([, text]) => text !== ''));
    });
  return caches;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function listOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

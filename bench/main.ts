/**
 * npm run bench -- [--quick] [--only micro|real|primitives] [--peers native,skas,...] [--repeats N] [--json] [--readme]
 * Everything in one run, on standard output as markdown; progress on standard error. --readme puts
 * the tables into README.md as well.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../tools/repository.js';
import { type BenchOptions, microTable } from './micro.js';
import { PEERS } from './peers.js';
import { primitivesTable } from './primitives.js';
import { realTable } from './real.js';
import type { Table } from './table.js';

function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all.length} x ${all[0]!.model.trim()}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

/** Replaces what stands between the two marks in README.md. */
function writeReadme(text: string): void {
  const file = join(ROOT, 'README.md');
  const readme = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    readme.replace(/(<!-- bench -->\n)[\s\S]*(<!-- \/bench -->)/, (_, begin: string, end: string) => `${begin}${text}\n${end}`),
  );
}

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  peers: { type: 'string' },
  repeats: { type: 'string' },
  json: { type: 'boolean', default: false },
  readme: { type: 'boolean', default: false },
} as const;

function parseOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    console.error(`bench: ${(error as Error).message}; known are --${Object.keys(OPTIONS).join(', --')}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const values = parseOptions();
  const wanted = values.peers?.split(',');
  const peers = PEERS.filter((peer) => peer.isInstalled() && (wanted === undefined || wanted.some((name) => peer.name.startsWith(name))));
  const folder = mkdtempSync(join(tmpdir(), 'skas-bench-'));
  const repeats = Number(values.repeats ?? (values.quick ? 1 : 3));
  const options: BenchOptions = { repeats, divisor: values.quick ? 10 : 1, folder, say: (text) => process.stderr.write(`${text}\n`) };
  const tables: Table[] = [];
  try {
    if (values.only === undefined || values.only === 'micro') tables.push(await microTable(peers, options));
    if (values.only === undefined || values.only === 'real') tables.push(await realTable(peers, options));
    if (values.only === undefined || values.only === 'primitives') tables.push(primitivesTable(repeats));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.json) {
    console.log(JSON.stringify({ machine: machine(), tables: tables.map((table) => ({ title: table.title, rows: table.toJson() })) }));
    return;
  }
  const text = [`${machine()}; medians of ${repeats}, ratios to native`, ...tables.map((table) => table.toMarkdown())].join('\n\n');
  console.log(text);
  if (values.readme) writeReadme(text);
}

await main();

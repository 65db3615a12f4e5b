/**
 * Makes dist/ from src/: the library, the command line and the kernel's worker as few files as possible, because a Node
 * program's start-up is dominated by the files that it opens and parses. Chunks that several entries share are written once;
 * what is imported dynamically stays a file of its own. Names are kept (a stack trace must be readable), koffi stays outside.
 */
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { BUILD, ROOT } from './repository.js';

/** dist file without extension -> source. */
const ENTRIES: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  cli: 'src/cli/main.ts',
  'kernel-worker': 'src/api/kernel-worker.ts',
};

/** The parser of the command line is CommonJS and requires Node's own modules; an ES module has no `require`. */
const REQUIRE = "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

async function main(): Promise<void> {
  const present = Object.entries(ENTRIES).filter(([, source]) => existsSync(join(ROOT, source)));
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  if (present.length === 0) return;
  await build({
    absWorkingDir: ROOT,
    entryPoints: Object.fromEntries(present),
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['koffi'],
    banner: { js: REQUIRE },
    legalComments: 'none',
    logLevel: 'warning',
  });
  if (existsSync(join(ROOT, 'dist/cli.js'))) chmodSync(join(ROOT, 'dist/cli.js'), 0o755);
  cpSync(join(BUILD, 'src'), join(ROOT, 'dist/types'), {
    recursive: true,
    filter: (source) => !source.includes('.') || (source.endsWith('.d.ts') && !source.endsWith('.test.d.ts')),
  });
}

await main();

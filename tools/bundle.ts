/**
 * Makes dist/ from src/: as few files as possible, because a Node program's start-up is dominated by the files that it opens and
 * compiles. Names are kept (a stack trace must be readable), koffi stays outside.
 *
 *   index.js + chunks   the library, ES modules
 *   cli.cjs             what `skas` starts; loads main.cjs (doctor.cjs, syscalls.cjs for these commands)
 *   unpack-images.cjs   loaded by main.cjs and index.js when a root is an archive
 *   kernel-worker.cjs   what the kernel's thread starts; loads kernel.cjs
 *
 * types/ holds the declarations of what index.ts exports. The files that are loaded are compiled in advance: see src/api/code-cache.ts.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { BUILD, ROOT } from './repository.js';

/** dist file without extension -> source. */
const MODULES: Readonly<Record<string, string>> = { index: 'src/index.ts' };
const STARTERS: Readonly<Record<string, string>> = { cli: 'src/cli/bin.ts', 'kernel-worker': 'src/api/kernel-worker.ts' };
/** Loaded by the starters: each a function expression with the parameters of a CommonJS module. */
const LOADED: Readonly<Record<string, string>> = {
  main: 'src/cli/main.ts',
  doctor: 'src/cli/doctor.ts',
  syscalls: 'src/cli/syscalls.ts',
  kernel: 'src/api/kernel.ts',
  'unpack-images': 'src/api/unpack-images.ts',
};

/** In CommonJS there is no import.meta. */
const OWN_URL = "const ownUrl = require('node:url').pathToFileURL(__filename).href;";

const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: ['koffi'],
  legalComments: 'none',
  logLevel: 'warning',
};

async function main(): Promise<void> {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  await build({ ...COMMON, entryPoints: { ...MODULES }, format: 'esm', splitting: true, chunkNames: 'chunk-[hash]' });
  const common: BuildOptions = { ...COMMON, format: 'cjs', outExtension: { '.js': '.cjs' }, define: { 'import.meta.url': 'ownUrl' } };
  await build({ ...common, entryPoints: { ...STARTERS }, banner: { js: OWN_URL } });
  const head = `(function (require, module, exports, __filename) {${OWN_URL}`;
  await build({ ...common, entryPoints: { ...LOADED }, banner: { js: head }, footer: { js: '})' } });
  chmodSync(join(ROOT, 'dist/cli.cjs'), 0o755);
  copyTypes('index.d.ts', new Set());
  writeCodeCaches();
}

/** The declarations that a user's compiler comes to from index.d.ts, and no others. */
function copyTypes(file: string, copied: Set<string>): void {
  if (copied.has(file)) return;
  copied.add(file);
  const text = readFileSync(join(BUILD, 'src', file), 'utf8');
  mkdirSync(dirname(join(ROOT, 'dist/types', file)), { recursive: true });
  writeFileSync(join(ROOT, 'dist/types', file), text);
  for (const [, path] of text.matchAll(/\b(?:from|import) ?\(?'(\.[^']+)\.js'/g)) copyTypes(join(dirname(file), `${path}.d.ts`), copied);
}

/** What a usual run executes goes into the caches. Where guests cannot run, the kernel's holds what starting it executes. */
const USUAL_RUNS = `
  import { Sandbox } from ${JSON.stringify(join(ROOT, 'dist/index.js'))};
  const sandbox = await Sandbox.create();
  await sandbox.exec('/bin/sh', ['-c', 'ls -l /usr | cat; for i in 1 2 3; do /bin/true; done']);
  await sandbox.close();
`;

function writeCodeCaches(): void {
  const env = { ...process.env, SKAS_WRITE_CODE_CACHE: '1' };
  const run = (args: readonly string[]): void =>
    void spawnSync(process.execPath, [...args], { cwd: ROOT, env, stdio: 'ignore', timeout: 60_000 });
  run(['--input-type=module', '--eval', USUAL_RUNS]);
  run([join(ROOT, 'dist/cli.cjs'), 'run', '--', '/bin/true']);
  for (const name of ['kernel', 'main']) {
    if (!existsSync(join(ROOT, `dist/${name}.cjs.cache`)))
      console.warn(`bundle: no compiled code for ${name}.cjs: it will start more slowly`);
  }
}

await main();

/** The package as npm packs it and as a TypeScript program sees it: what is in it, and that its types hold under strict rules. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../tools/repository.js';

const CONSUMER = `
import { ExitError, hostdir, memfs, overlay, Sandbox, SpawnError, type Result, type SandboxOptions } from 'skas';

const options: SandboxOptions = { env: process.env, mounts: { '/m': memfs(), '/src': overlay(hostdir('.')) } };
const sandbox = await Sandbox.create(options);
const text: Result = await sandbox.exec('sh', ['-c', 'echo "$PATH" | wc -l'], { timeoutMs: 60_000, check: true });
const bytes = await sandbox.exec('printf', ['\\\\377'], { encoding: 'buffer' });
const first: number | undefined = bytes.stdout[0];
const failed = await sandbox.exec('false', [], { check: true }).catch((error: unknown) => (error instanceof ExitError ? error.result.exitCode : error));
const missing = await sandbox.spawn('no-such').catch((error: unknown) => (error instanceof SpawnError ? error.code : error));
const cat = await sandbox.spawn('cat');
const writer = cat.stdin.getWriter();
void writer.write('typed');
void writer.close();
let echoed = '';
for await (const { stream, data } of cat) if (stream === 'stdout') echoed += data;
console.log(text.stdout.trim(), first, failed, missing, echoed, (await cat.exited).exitCode);
// @ts-expect-error: a misspelt option
await sandbox.exec('true', [], { timeout: 5 }).catch((error: Error) => console.log(error.name));
await sandbox.close();
`;

test('a strict TypeScript program compiles against the declarations and runs', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(ROOT, 'build', 'consumer-'));
  try {
    writeFileSync(join(folder, 'consumer.mts'), CONSUMER);
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false', '--types', 'node'];
    const target = ['--ignoreConfig', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable'];
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    const compiled = spawnSync(tsc, [...strict, ...target, 'consumer.mts'], { cwd: folder, encoding: 'utf8' });
    assert.equal(compiled.stdout, '');
    const { stdout, stderr } = spawnSync(process.execPath, ['consumer.mjs'], { cwd: folder, encoding: 'utf8' });
    assert.equal(stdout, '1 255 1 ENOENT typed 0\nOptionError\n', stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the package holds what it needs and nothing of tests or sources', { timeout: 60_000 }, () => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: ROOT, encoding: 'utf8' });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const path of [
    'package.json',
    'README.md',
    'LICENSE',
    'dist/index.js',
    'dist/cli.cjs',
    'dist/kernel.cjs',
    'dist/types/index.d.ts',
  ]) {
    assert.ok(paths.includes(path), path);
  }
  assert.deepEqual(
    paths.filter(
      (path) => /test|(?<!\.d)\.ts$|^(?!dist\/|docs\/|examples\/|[A-Z]+(\.md)?$|package\.json$)/.test(path) && path !== 'docs/TESTING.md',
    ),
    [],
  );
  assert.ok(paths.filter((path) => path.startsWith('dist/types/')).length < 40, 'declarations of the public part only');
});

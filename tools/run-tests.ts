/**
 * Runs test suites by name: run-tests unit|guest|conformance|attacks|package|long... Only files whose source still exists are run, so
 * that an old build cannot add tests. `node --test` prints the closing lines.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD, listFiles, ROOT } from './repository.js';

const SUITES: Readonly<Record<string, readonly string[]>> = {
  unit: ['src', 'tools', 'bench'],
  guest: ['tests/guest'],
  conformance: ['tests/conformance'],
  attacks: ['tests/attacks', 'tests/fuzz'],
  package: ['tests/package'],
  long: ['tests/long'],
};

function main(names: readonly string[]): number {
  const unknown = names.find((name) => SUITES[name] === undefined);
  if (unknown !== undefined || names.length === 0) {
    console.error(`run-tests: name one or more of ${Object.keys(SUITES).join(', ')}${unknown ? `, not '${unknown}'` : ''}`);
    return 2;
  }
  const sources = names.flatMap((name) => SUITES[name]!).flatMap((folder) => listFiles(folder, '.test.ts'));
  const files = sources.map((file) => join(BUILD, file.replace(/\.ts$/, '.js')));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) {
    console.error(`run-tests: ${missing} is not built: run 'npm run build' first`);
    return 2;
  }
  const options = ['--test', '--test-reporter=spec', '--test-concurrency=2', '--enable-source-maps'];
  const result = spawnSync(process.execPath, [...options, ...files], { cwd: ROOT, stdio: 'inherit' });
  return result.status ?? 1;
}

process.exitCode = main(process.argv.slice(2));

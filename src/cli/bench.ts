/** `skas bench`: runs the checkout's benchmark, or says where it is. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CliError } from './messages.js';
import { packageDirectory } from './version.js';

export function bench(args: readonly string[]): number {
  const directory = packageDirectory();
  const program = directory && fileURLToPath(new URL('build/bench/main.js', directory));
  if (!program || !existsSync(program)) {
    throw new CliError('bench needs a checkout of the sources: clone the repository, npm ci, npm run bench');
  }
  const done = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
  return done.status ?? 125;
}

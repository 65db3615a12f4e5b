/**
 * `npm ci` calls this to build the package, and `npx skas` calls it again through the link that it makes. So it builds only when a
 * source is newer than what was built: a second call costs nothing, and never takes dist/ away from under a running skas.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = ['src', 'tools', 'package.json', 'package-lock.json', 'tsconfig.json'];
const PRODUCT = 'dist/kernel.cjs';

function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(status.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isBuilt() {
  const product = join(ROOT, PRODUCT);
  if (!existsSync(product)) return false;
  const built = statSync(product).mtimeMs;
  return SOURCES.every((source) => newest(join(ROOT, source)) <= built);
}

if (!isBuilt()) process.exitCode = spawnSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'inherit' }).status ?? 1;

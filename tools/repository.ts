/** Where things are: every tool and test finds the repository's root from here, wherever the build put it. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package-lock.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package-lock.json above the tools: run them from the repository');
    folder = parent;
  }
  return folder;
}

/** The repository's root, without a slash at the end. */
export const ROOT = findRoot();

/** The folder that tsc wrote to: `build`, or another that was given with --outDir. */
export const BUILD = join(ROOT, relative(ROOT, fileURLToPath(import.meta.url)).split('/')[0]!);

/** Every file below `folder` (relative to the root) whose name ends in `suffix`, sorted, relative to the root. */
export function listFiles(folder: string, suffix: string): string[] {
  const base = join(ROOT, folder);
  if (!existsSync(base)) return [];
  const entries = readdirSync(base, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

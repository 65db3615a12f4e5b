/** The package's own version, from the package.json beside the code, wherever that was put (a bundle, or a checkout's build). */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const up of ['../', '../../', '../../../']) {
    const found = readPackage(new URL(`${up}package.json`, import.meta.url));
    if (found?.name === 'skas') return String(found.version);
  }
  return 'unknown';
}

/** The directory of a checkout or an installed package. */
export function packageDirectory(): URL | undefined {
  for (const up of ['../', '../../', '../../../']) {
    const directory = new URL(up, import.meta.url);
    if (readPackage(new URL('package.json', directory))?.name === 'skas') return directory;
  }
  return undefined;
}

function readPackage(url: URL): { name?: unknown; version?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(url, 'utf8')) as { name?: unknown; version?: unknown };
  } catch {
    return undefined;
  }
}

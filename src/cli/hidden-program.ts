/**
 * What to say when a program is not found that the host has: home directories and /tmp are not shown, and that is where version
 * managers put node, python and the like.
 */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** `NAME: not found: ...` with the option that shows it, or undefined when the host has no such program either. */
export function hiddenProgramMessage(name: string, path = process.env.PATH ?? ''): string | undefined {
  const isPath = name.includes('/');
  const places = isPath ? [resolve(name)] : path.split(':').map((folder) => join(resolve(folder), name));
  const found = places.find(isProgram);
  if (found === undefined) return undefined;
  // Programs bring libraries that lie beside their bin directory; a link leads to where they are.
  const folders = new Set([found, realpathSync(found)].map(installedIn));
  const options = [...folders].map((folder) => `-r ${folder}`).join(' ');
  return `${name}: not found: the guest does not see ${found} of the host: show it with ${options}${isPath ? '' : ' -e PATH'}`;
}

function installedIn(program: string): string {
  const folder = dirname(program);
  return basename(folder) === 'bin' ? dirname(folder) : folder;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

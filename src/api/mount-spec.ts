/** What a sandbox's tree is made of: `hostdir`, `memfs` and `overlay` make the values of `root` and `mounts`. */
import { isAbsolute, normalize, resolve } from 'node:path';
import { OptionError } from './errors.js';
import type { FileSystemSpec, MountSpec } from './machine-options.js';

/**
 * A directory of the host. `readOnly: true` (the default) shows it; `readOnly: false` lets the guest change the host's files,
 * with the rights of the user who runs Node. Nothing outside the directory can be reached through it.
 */
export function hostdir(path: string, options: { readOnly?: boolean } = {}): FileSystemSpec & { type: 'hostdir' } {
  return { type: 'hostdir', path: resolve(path), readOnly: options.readOnly ?? true };
}

/** An empty file system in memory. `sizeBytes`: at most so much, by default the sandbox's `limits.diskBytes`. */
export function memfs(options: { sizeBytes?: number } = {}): FileSystemSpec {
  return { type: 'memfs', sizeBytes: options.sizeBytes };
}

/** Shows `lower`, a host directory, and keeps every change in memory: the host's files stay as they are. */
export function overlay(lower: FileSystemSpec & { type: 'hostdir' }): FileSystemSpec {
  return { type: 'overlay', lower: { type: 'hostdir', path: lower.path } };
}

/** `{ '/data': hostdir('./data') }` as a list; a string is short for an overlay over that host directory. */
export function mountList(mounts: Readonly<Record<string, FileSystemSpec | string>>): MountSpec[] {
  return Object.entries(mounts).map(([target, fs]) => ({ target: guestPath(target, 'mount'), fs: fileSystemSpec(fs) }));
}

export function fileSystemSpec(fs: FileSystemSpec | string): FileSystemSpec {
  return typeof fs === 'string' ? overlay(hostdir(fs)) : fs;
}

/** An absolute path of the guest without '.' and '..'. */
export function guestPath(path: string, what: string): string {
  if (!isAbsolute(path) || path.includes('\0'))
    throw new OptionError(`${what} ${JSON.stringify(path)}: give an absolute path of the guest`);
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

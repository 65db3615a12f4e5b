/** What a sandbox's tree is made of: `hostdir`, `memfs`, `overlay`, `image` and `tarfs` make the values of `root` and `mounts`. */
import { statSync } from 'node:fs';
import { isAbsolute, join, normalize, resolve } from 'node:path';
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

/**
 * An OCI image layout as skopeo and umoci write it: a directory, 'DIR:TAG', or a tar archive of one. Digests are checked. As a
 * root it also says who programs run as and with what environment and working directory; `sandbox.command` is what it would run.
 * It is unpacked into the user's cache directory ($SKAS_CACHE_DIR, else ~/.cache/skas) once; changes stay in memory.
 * `maxBytes`: most bytes when unpacked, by default 64 GiB.
 */
export function image(source: string, options: { maxBytes?: number } = {}): FileSystemSpec {
  return { type: 'image', source, maxBytes: options.maxBytes };
}

/** A tar archive, plain or compressed (gzip, zstd, xz, bzip2). Owners, modes and devices are kept; changes stay in memory. */
export function tarfs(file: string, options: { maxBytes?: number } = {}): FileSystemSpec {
  return image(file, options);
}

/** `{ '/data': hostdir('./data') }` as a list; a string is short for an overlay over that host directory. */
export function mountList(mounts: Readonly<Record<string, FileSystemSpec | string>>): MountSpec[] {
  return Object.entries(mounts).map(([target, fs]) => ({ target: guestPath(target, 'mount'), fs: fileSystemSpec(fs, `mount ${target}`) }));
}

export function fileSystemSpec(fs: FileSystemSpec | string, what: string): FileSystemSpec {
  if (typeof fs !== 'string') {
    if (typeof fs?.type === 'string') return fs;
    throw new OptionError(`${what}: give a path, or what hostdir, memfs, overlay, image and tarfs return`);
  }
  return isImage(fs) ? image(fs) : overlay(hostdir(fs));
}

/** True for an archive, an image layout, and DIR:TAG of one; false for other directories, and what does not exist. */
export function isImage(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat) return stat.isFile() || (statSync(join(path, 'oci-layout'), { throwIfNoEntry: false })?.isFile() ?? false);
  const colon = path.lastIndexOf(':');
  return colon > 0 && statSync(path.slice(0, colon), { throwIfNoEntry: false }) !== undefined;
}

/** An absolute path of the guest without '.' and '..'. */
export function guestPath(path: string, what: string): string {
  if (!isAbsolute(path) || path.includes('\0'))
    throw new OptionError(`${what} ${JSON.stringify(path)}: give an absolute path of the guest`);
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** Before a machine is booted: unpacks the images among its file systems, and takes from the root's what it says about programs. */
import type { ImageConfig } from '../image/image-index.js';
import { loadModule } from './code-cache.js';
import { OptionError } from './errors.js';
import type { FileSystemSpec, MachineOptions } from './machine-options.js';

export interface ResolvedImages {
  options: MachineOptions;
  /** What the root's image says; absent when the root is none. */
  config: ImageConfig | undefined;
}

/** Bytes read, of how many, of `source`. */
export type UnpackProgress = (source: string, done: number, total: number) => void;

/** Rejects with OptionError when an image cannot be used. */
export async function resolveImages(options: MachineOptions, progress?: UnpackProgress): Promise<ResolvedImages> {
  const isImage = (fs: FileSystemSpec | undefined): boolean => fs?.type === 'image';
  if (!isImage(options.root) && !options.mounts.some(({ fs }) => isImage(fs))) return { options, config: undefined };
  const { ArchiveError, unpackImage } = await loadModule<typeof import('./unpack-images.js')>('unpack-images', import.meta.url);
  let config: ImageConfig | undefined;
  const unpack = async (fs: FileSystemSpec): Promise<FileSystemSpec> => {
    if (fs.type !== 'image') return fs;
    const { source, maxBytes } = fs;
    try {
      const unpacked = await unpackImage(source, { maxBytes, progress: (done, total) => progress?.(source, done, total) });
      if (fs === options.root) ({ config } = unpacked);
      return { type: 'unpacked', indexPath: unpacked.indexPath };
    } catch (error) {
      throw error instanceof ArchiveError ? new OptionError(error.message) : error;
    }
  };
  const root = options.root && (await unpack(options.root));
  const mounts: MachineOptions['mounts'] = [];
  for (const mount of options.mounts) mounts.push({ ...mount, fs: await unpack(mount.fs) });
  const resolved = { ...options, root, mounts };
  return { options: config ? withConfig(resolved, config) : resolved, config };
}

/** The image's word on environment, user and directory, below the caller's. */
function withConfig(options: MachineOptions, config: ImageConfig): MachineOptions {
  const env: Record<string, string | null> = {};
  for (const word of config.env) env[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
  return {
    ...options,
    env: { ...env, ...options.env },
    user: options.user ?? (config.user || '0:0'),
    cwd: options.cwd ?? absolute(config.workingDir),
  };
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

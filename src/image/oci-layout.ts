/**
 * OCI image layouts (image-spec: image-layout.md, image-index.md, manifest.md, config.md), as a directory or inside of a tar
 * archive. Nothing is believed before its digest has been checked. Left out: encrypted and foreign layers.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ArchiveError } from './archive-error.js';
import { ByteSource } from './byte-source.js';
import type { ImageConfig } from './image-index.js';
import { readTar } from './tar-reader.js';

/** Files of a layout by name; undefined: not there. The caller closes what `close` closes. */
export interface LayoutFiles {
  open(name: string): ByteSource | undefined;
  close(): void;
}

export interface Descriptor {
  mediaType?: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { os?: string; architecture?: string };
}

export interface ImageLayer {
  source: ByteSource;
  /** Of the bytes as they lie there; undefined: not announced. */
  digest: string | undefined;
  /** Of the bytes when uncompressed. */
  diffId: string;
}

export interface ImageContents {
  /** Digest of what names all else by digest. */
  digest: string;
  config: ImageConfig;
  /** Lowest first. */
  layers: ImageLayer[];
}

const MAX_JSON_BYTES = 8 << 20;
const MAX_LAYERS = 1024;
const REF_NAME = 'org.opencontainers.image.ref.name';

export class DirectoryLayout implements LayoutFiles {
  private readonly fds: number[] = [];
  constructor(private readonly directory: string) {}

  open(name: string): ByteSource | undefined {
    const path = join(this.directory, name);
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    this.fds.push(fd);
    return ByteSource.ofFile(fd, path);
  }
  close(): void {
    for (const fd of this.fds.splice(0)) closeSync(fd);
  }
}

export class ArchiveLayout implements LayoutFiles {
  private constructor(private readonly members: ReadonlyMap<string, ByteSource>) {}

  /** undefined: the archive is not an image layout. */
  static of(archive: ByteSource): ArchiveLayout | undefined {
    const members = new Map<string, ByteSource>();
    for (const { name, type, offset, size, runs } of readTar(archive, false)) {
      const plain = name.replace(/^(?:\.?\/+)+/, '');
      // A root file system has other names, and many: no need to read on.
      if (!/^(?:oci-layout$|index\.json$|manifest\.json$|repositories$|blobs(?:\/|$)|[0-9a-f]{64}(?:\/|\.json$|\.tar$|$)|$)/.test(plain))
        return undefined;
      if (type === 'file' && !runs) members.set(plain, archive.slice(offset, size));
    }
    const isLayout = members.has('oci-layout') && members.has('index.json');
    return isLayout || members.has('manifest.json') ? new ArchiveLayout(members) : undefined;
  }

  open(name: string): ByteSource | undefined {
    return this.members.get(name);
  }
  close(): void {}
}

/** The image of that tag; without a tag the only one there is, or `latest`. */
export function readImage(files: LayoutFiles, tag: string | undefined): ImageContents {
  const layout = files.open('index.json');
  if (!layout) throw new ArchiveError('is not an OCI image layout (it has no index.json)');
  const { manifests } = parseJson<{ manifests?: Descriptor[] }>(readAll(layout, 'index.json'), 'index.json');
  let chosen = chooseTag(manifests, tag);
  for (let depth = 0; depth < 4; depth++) {
    const bytes = readBlob(files, chosen, 'manifest');
    const manifest = parseJson<{ manifests?: Descriptor[]; config?: Descriptor; layers?: Descriptor[] }>(bytes, 'manifest');
    if (manifest.config && Array.isArray(manifest.layers)) return readManifest(files, chosen.digest, manifest.config, manifest.layers);
    chosen = choosePlatform(manifest.manifests);
  }
  throw new ArchiveError('has an index within an index within an index: name another image');
}

function chooseTag(manifests: Descriptor[] | undefined, tag: string | undefined): Descriptor {
  if (!Array.isArray(manifests) || manifests.length === 0) throw new ArchiveError('holds no image');
  const names = manifests.map((each) => each?.annotations?.[REF_NAME]);
  const wanted = tag ?? (manifests.length === 1 ? undefined : 'latest');
  if (wanted === undefined) return manifests[0]!;
  const at = names.findIndex((name) => name === wanted || name?.endsWith(`:${wanted}`));
  if (at >= 0) return manifests[at]!;
  if (tag === undefined && names.every((name) => name === undefined)) return choosePlatform(manifests);
  const known = names.filter((name) => name !== undefined).slice(0, 10);
  throw new ArchiveError(`has no image ${wanted}: name one of its own${known.length > 0 ? ` (${known.join(', ')})` : ''}`);
}

function choosePlatform(manifests: Descriptor[] | undefined): Descriptor {
  const fits = manifests?.find?.(({ platform }) => platform?.architecture === 'amd64' && (platform.os ?? 'linux') === 'linux');
  if (!fits) throw new ArchiveError('has no image for linux/amd64');
  return fits;
}

interface ConfigFile {
  os?: string;
  architecture?: string;
  config?: { Entrypoint?: string[] | null; Cmd?: string[] | null; Env?: string[] | null; User?: string; WorkingDir?: string };
  rootfs?: { diff_ids?: string[] };
}

function readManifest(files: LayoutFiles, manifestDigest: string, configAt: Descriptor, layers: Descriptor[]): ImageContents {
  const { config, diffIds } = parseConfig(readBlob(files, configAt, 'configuration'));
  checkCounts(diffIds, layers);
  const toLayer = (layer: Descriptor, i: number): ImageLayer => ({
    source: openBlob(files, layer, 'layer'),
    digest: layer.digest,
    diffId: diffIds[i]!,
  });
  return { digest: manifestDigest, config, layers: layers.map(toLayer) };
}

export function checkCounts(diffIds: readonly string[], layers: readonly unknown[]): void {
  if (diffIds.length !== layers.length || layers.length > MAX_LAYERS)
    throw new ArchiveError('is damaged (its configuration does not fit its layers)');
}

export function parseConfig(bytes: Buffer): { config: ImageConfig; diffIds: string[] } {
  const file = parseJson<ConfigFile>(bytes, 'configuration');
  const { os = 'linux', architecture = 'amd64' } = file;
  if (os !== 'linux' || architecture !== 'amd64') throw new ArchiveError(`is for ${os}/${architecture}: only linux/amd64 can run`);
  const diffIds = file.rootfs?.diff_ids;
  if (!Array.isArray(diffIds)) throw new ArchiveError('is damaged (its configuration lists no layers)');
  for (const digest of diffIds) checkDigest(digest);
  return { config: toConfig(file.config ?? {}), diffIds };
}

function toConfig(given: NonNullable<ConfigFile['config']>): ImageConfig {
  const words = (list: unknown): string[] =>
    Array.isArray(list) ? list.filter((word) => typeof word === 'string' && !word.includes('\0')) : [];
  const text = (value: unknown): string => (typeof value === 'string' && !value.includes('\0') ? value : '');
  return {
    entrypoint: words(given.Entrypoint),
    cmd: words(given.Cmd),
    env: words(given.Env).filter((word) => word.indexOf('=') > 0),
    user: text(given.User),
    workingDir: text(given.WorkingDir),
  };
}

// Blobs.

const ALGORITHMS: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** [algorithm, hexadecimal digits]. */
export function checkDigest(digest: unknown): [algorithm: string, hex: string] {
  const match = typeof digest === 'string' ? /^(sha256|sha512):([0-9a-f]+)$/.exec(digest) : null;
  if (!match || match[2]!.length !== ALGORITHMS[match[1]!]) throw new ArchiveError('is damaged (a digest that is none)');
  return [match[1]!, match[2]!];
}

/** Where a blob lies; its length is as announced, its digest not yet checked. */
function openBlob(files: LayoutFiles, descriptor: Descriptor, what: string): ByteSource {
  const [algorithm, hex] = checkDigest(descriptor?.digest);
  const source = files.open(`blobs/${algorithm}/${hex}`);
  if (!source) throw new ArchiveError(`lacks a blob: ${what} ${descriptor.digest.slice(0, 19)}`);
  if (source.length !== descriptor.size)
    throw new ArchiveError(`is damaged (${what} ${descriptor.digest.slice(0, 19)} has another size than announced)`);
  return source;
}

function readBlob(files: LayoutFiles, descriptor: Descriptor, what: string): Buffer {
  const bytes = readAll(openBlob(files, descriptor, what), what);
  const [algorithm, hex] = checkDigest(descriptor.digest);
  if (createHash(algorithm).update(bytes).digest('hex') !== hex) throw wrongDigest(what, descriptor.digest);
  return bytes;
}

export function wrongDigest(what: string, digest: string): ArchiveError {
  return new ArchiveError(`is damaged (${what} ${digest.slice(0, 19)} has another digest): get it again`);
}

export function readAll(source: ByteSource, what: string): Buffer {
  if (source.length > MAX_JSON_BYTES) throw new ArchiveError(`is damaged (${what} is too long)`);
  const bytes = Buffer.alloc(source.length);
  source.read(bytes, 0);
  return bytes;
}

export function parseJson<T extends object>(bytes: Buffer, what: string): T {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // As for any other value that is not an object.
  }
  throw new ArchiveError(`is damaged (${what} is not JSON)`);
}

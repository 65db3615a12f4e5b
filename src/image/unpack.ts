/**
 * Makes a root out of what the user names: a tar archive (plain, or compressed with gzip, zstd, xz or bzip2), or an image of an
 * OCI layout (a directory, DIR:TAG, or a tar archive of one). Runs on Node's main thread, before there is a machine.
 *
 * What is made is an index and contents in the content store; a second run finds them there. A plain archive is its own content:
 * its files are read from where they lie. Data is never unpacked into files of the host: see image-tree.ts for why.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ArchiveError } from './archive-error.js';
import { ByteSource } from './byte-source.js';
import { ContentStore, hashText, type ContentWriter } from './content-store.js';
import { compressionOf, plainBytes, rawBytes } from './decompress.js';
import { indexTree, INDEX_VERSION, type ImageConfig, type IndexContent } from './image-index.js';
import { ImageTree } from './image-tree.js';
import { readDockerImage } from './docker-archive.js';
import { ArchiveLayout, checkDigest, DirectoryLayout, readImage, wrongDigest, type ImageLayer, type LayoutFiles } from './oci-layout.js';
import { readTar } from './tar-reader.js';

export interface UnpackOptions {
  /** Where to keep what is made. */
  store?: ContentStore;
  /** Most bytes of all contents together, uncompressed. */
  maxBytes?: number;
  /** Told from time to time: bytes read, of how many. */
  progress?: (done: number, total: number) => void;
}

export interface UnpackedImage {
  /** The index file. */
  indexPath: string;
  /** Absent for a plain archive. */
  config: ImageConfig | undefined;
}

const DEFAULT_MAX_BYTES = 64 * 2 ** 30;

/** What any machine mounts over, or expects; made where an image has none of it. */
const USUAL: readonly (readonly [string, number])[] = [
  ['proc', 0o555],
  ['sys', 0o555],
  ['dev', 0o755],
  ['run', 0o755],
  ['tmp', 0o1777],
];

/** `source`: a path, or DIR:TAG. Throws ArchiveError with a sentence that begins with the source. */
export async function unpackImage(source: string, options: UnpackOptions = {}): Promise<UnpackedImage> {
  const store = options.store ?? ContentStore.ofUser();
  try {
    const { path, tag } = splitTag(source);
    return await (statSync(path).isDirectory() ? unpackLayout(path, tag, store, options) : unpackFile(path, tag, store, options));
  } catch (error) {
    throw explain(source, store, error);
  }
}

function explain(source: string, store: ContentStore, error: unknown): Error {
  if (error instanceof ArchiveError) return new ArchiveError(`${source}: ${error.message}`);
  switch ((error as NodeJS.ErrnoException).code) {
    case undefined:
      return error as Error;
    case 'ENOENT':
      return new ArchiveError(`${source}: does not exist: give a directory, a tar archive or an OCI image layout`);
    case 'ENOSPC':
    case 'EDQUOT':
      return new ArchiveError(`${source}: no space left to unpack it in ${store.directory}: free some, or set SKAS_CACHE_DIR`);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ArchiveError(`${source}: ${(error as Error).message}: give this user permission, or set SKAS_CACHE_DIR`);
    default:
      return new ArchiveError(`${source}: ${(error as Error).message}`);
  }
}

/** DIR:TAG where DIR exists and the whole does not. */
function splitTag(source: string): { path: string; tag: string | undefined } {
  const colon = source.lastIndexOf(':');
  if (colon > 0 && !existsSync(source) && existsSync(source.slice(0, colon))) {
    return { path: realpathSync(source.slice(0, colon)), tag: source.slice(colon + 1) };
  }
  return { path: realpathSync(source), tag: undefined };
}

function isLayoutDirectory(path: string): boolean {
  return existsSync(join(path, 'oci-layout')) && existsSync(join(path, 'index.json'));
}

async function unpackLayout(path: string, tag: string | undefined, store: ContentStore, options: UnpackOptions): Promise<UnpackedImage> {
  if (!isLayoutDirectory(path)) throw new ArchiveError('is not an OCI image layout (it has no oci-layout)');
  return unpackOci(new DirectoryLayout(path), tag, store, options);
}

/** An archive file: of a root, or of a layout. */
async function unpackFile(path: string, tag: string | undefined, store: ContentStore, options: UnpackOptions): Promise<UnpackedImage> {
  const fd = openSync(path, 'r');
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw new ArchiveError('is neither a directory nor a file');
    const source = ByteSource.ofFile(fd, path);
    const prefix = hashText(path).slice(0, 24);
    const version = [INDEX_VERSION, stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
    const key = `${prefix}-${hashText(version).slice(0, 24)}`;
    const known = tag === undefined ? store.find(key) : undefined;
    if (known) return { indexPath: known.path, config: known.config };
    store.prepare();
    const compression = compressionOf(source);
    if (compression === 'none') {
      const layout = ArchiveLayout.of(source);
      if (layout) return await unpackOci(layout, tag, store, options);
    }
    if (tag !== undefined) throw new ArchiveError('is not an OCI image layout: leave the tag away');
    const unpacking = new Unpacking(store, options, source.length);
    if (compression === 'none') unpacking.addArchive(source, path);
    else await unpacking.addCompressed(source, key);
    const indexPath = unpacking.finish(key, undefined);
    store.removeOthers(prefix, key);
    return { indexPath, config: undefined };
  } finally {
    closeSync(fd);
  }
}

async function unpackOci(files: LayoutFiles, tag: string | undefined, store: ContentStore, options: UnpackOptions): Promise<UnpackedImage> {
  try {
    const image = files.open('index.json') ? readImage(files, tag) : readDockerImage(files, tag);
    const key = `${checkDigest(image.digest)[1].slice(0, 64)}.${INDEX_VERSION}`;
    const known = store.find(key);
    if (known) return { indexPath: known.path, config: known.config };
    store.prepare();
    const total = image.layers.reduce((sum, { source }) => sum + source.length, 0);
    const unpacking = new Unpacking(store, options, total);
    for (const layer of image.layers) await unpacking.addLayer(layer);
    return { indexPath: unpacking.finish(key, image.config), config: image.config };
  } finally {
    files.close();
  }
}

/** Layers one after the other, into one tree. */
class Unpacking {
  private readonly tree = new ImageTree();
  private readonly contents: IndexContent[] = [];
  private read = 0;
  private bytes = 0;

  constructor(
    private readonly store: ContentStore,
    private readonly options: UnpackOptions,
    private readonly total: number,
  ) {}

  /** A plain archive that stays where it is. */
  addArchive(source: ByteSource, path: string): void {
    this.apply(source, path, { needsEnd: true, whiteouts: false });
  }

  async addCompressed(source: ByteSource, key: string): Promise<void> {
    const path = this.store.layerPath(key);
    const content = this.store.newContent();
    await this.whole(content, async () => {
      for await (const chunk of plainBytes(
        rawBytes(source, (bytes) => this.progress(bytes)),
        compressionOf(source),
      ))
        this.write(content, chunk);
      const made = new ByteSource(content.readFd, content.path, 0, content.size);
      this.apply(made, path, { needsEnd: true, whiteouts: false });
      return path;
    });
  }

  async addLayer(layer: ImageLayer): Promise<void> {
    const { source } = layer;
    const [algorithm, hex] = checkDigest(layer.diffId);
    const path = this.store.layerPath(`${algorithm}-${hex}`);
    if (existsSync(path)) {
      // Known by what it holds, from another image; it was checked when it was written.
      const fd = openSync(path, 'r');
      try {
        this.progress(source.length);
        this.apply(ByteSource.ofFile(fd, path), path, { needsEnd: false, whiteouts: true });
      } finally {
        closeSync(fd);
      }
      return;
    }
    const content = this.store.newContent();
    await this.whole(content, async () => {
      await this.writeChecked(content, layer);
      this.apply(new ByteSource(content.readFd, content.path, 0, content.size), path, { needsEnd: false, whiteouts: true });
      return path;
    });
  }

  private async writeChecked(content: ContentWriter, { source, digest, diffId }: ImageLayer): Promise<void> {
    const compression = compressionOf(source);
    const inner = new Digest(diffId);
    const outer = digest === undefined || (digest === diffId && compression === 'none') ? undefined : new Digest(digest);
    const progress = (bytes: number): void => this.progress(bytes);
    const raw = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of rawBytes(source, progress)) {
        outer?.update(chunk);
        yield chunk;
      }
    };
    for await (const chunk of plainBytes(raw(), compression)) {
      inner.update(chunk);
      this.write(content, chunk);
    }
    outer?.check('layer');
    inner.check('unpacked layer');
  }

  /** Keeps the content under the name that `make` gives; drops it when `make` fails. */
  private async whole(content: ContentWriter, make: () => Promise<string>): Promise<void> {
    let path: string;
    try {
      path = await make();
    } catch (error) {
      content.drop();
      throw error;
    }
    content.keep(path);
  }

  private write(content: ContentWriter, chunk: Uint8Array): void {
    const { maxBytes = DEFAULT_MAX_BYTES } = this.options;
    this.bytes += chunk.length;
    if (this.bytes > maxBytes)
      throw new ArchiveError(`has more than ${maxBytes} bytes when unpacked: raise the limit (--root-limit) if you trust it`);
    content.write(chunk);
  }

  private progress(bytes: number): void {
    this.read += bytes;
    this.options.progress?.(this.read, this.total);
  }

  private apply(source: ByteSource, path: string, how: { needsEnd: boolean; whiteouts: boolean }): void {
    const number = this.contents.length;
    this.contents.push({ path, size: source.length });
    for (const entry of readTar(source, how.needsEnd)) this.tree.apply(entry, number, number, how.whiteouts);
  }

  finish(key: string, config: ImageConfig | undefined): string {
    for (const [name, mode] of USUAL) this.tree.makeDirectory(name, mode);
    if (config?.workingDir) this.tree.makeDirectory(Buffer.from(config.workingDir, 'utf8').toString('latin1'), 0o755);
    return this.store.putIndex(key, { version: INDEX_VERSION, config, contents: this.contents, ...indexTree(this.tree.root) });
  }
}

/** Bytes that pass by, against the digest that they should have. */
class Digest {
  private readonly hash: Hash;
  private readonly hex: string;

  constructor(private readonly digest: string) {
    const [algorithm, hex] = checkDigest(digest);
    this.hash = createHash(algorithm);
    this.hex = hex;
  }

  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
  }
  check(what: string): void {
    if (this.hash.digest('hex') !== this.hex) throw wrongDigest(what, this.digest);
  }
}

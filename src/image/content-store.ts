/**
 * Where unpacked images are kept between runs: the user's cache directory. Everything is written under a temporary name and
 * renamed when it is whole, so that what has its name is complete, and the directory may be removed at any time.
 *
 *   images/KEY.json    the index of an image (image-index.ts)
 *   layers/KEY.tar     what its files hold: an archive, uncompressed; shared by the images that have the layer
 *   tmp/PID-N          being written
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { formatIndex, INDEX_VERSION, type ImageIndex } from './image-index.js';

/** Longest first line of an index: configuration and contents. */
const MAX_HEAD_BYTES = 1 << 20;

let nextTemporary = 0;

export class ContentStore {
  constructor(readonly directory: string) {}

  /** $SKAS_CACHE_DIR, $XDG_CACHE_HOME/skas or ~/.cache/skas. */
  static ofUser(env: NodeJS.ProcessEnv = process.env): ContentStore {
    const { SKAS_CACHE_DIR, XDG_CACHE_HOME } = env;
    if (SKAS_CACHE_DIR) return new ContentStore(SKAS_CACHE_DIR);
    if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return new ContentStore(join(XDG_CACHE_HOME, 'skas'));
    const home = homedir();
    return new ContentStore(
      isAbsolute(home) && home !== '/' ? join(home, '.cache', 'skas') : join(tmpdir(), `skas-${process.getuid?.() ?? 0}`),
    );
  }

  /** Makes the directories and clears away what runs that were killed have left. Throws what node:fs throws. */
  prepare(): void {
    for (const name of ['images', 'layers', 'tmp']) mkdirSync(join(this.directory, name), { recursive: true, mode: 0o700 });
    const { uid } = statSync(this.directory);
    if (uid !== process.getuid?.())
      throw new Error(`${this.directory} belongs to another user: set SKAS_CACHE_DIR to a directory of yours`);
    for (const name of readdirSync(join(this.directory, 'tmp'))) {
      const pid = Number.parseInt(name, 10);
      if (pid !== process.pid && !isAlive(pid)) rmSync(join(this.directory, 'tmp', name), { force: true });
    }
  }

  indexPath(key: string): string {
    return join(this.directory, 'images', `${key}.json`);
  }
  layerPath(key: string): string {
    return join(this.directory, 'layers', `${key}.tar`);
  }

  /** The path of an index that is whole, with all that it refers to; undefined: to be made. */
  find(key: string): { path: string; config: ImageIndex['config'] } | undefined {
    const path = this.indexPath(key);
    try {
      const { version, config, contents } = JSON.parse(readHead(path)) as Pick<ImageIndex, 'version' | 'config' | 'contents'>;
      if (version !== INDEX_VERSION || !contents.every(({ path: file, size }) => statSync(file).size === size)) return undefined;
      return { path, config };
    } catch {
      return undefined;
    }
  }

  /** Writes the index of an image; from now on `find` finds it. */
  putIndex(key: string, index: ImageIndex): string {
    const temporary = this.temporaryPath();
    writeFileSync(temporary, formatIndex(index), { mode: 0o600 });
    renameSync(temporary, this.indexPath(key));
    return this.indexPath(key);
  }

  /** A content that is being written. */
  newContent(): ContentWriter {
    return new ContentWriter(this.temporaryPath());
  }

  /** Removes what was unpacked from an earlier version of the same file: keys are PREFIX-VERSION. */
  removeOthers(prefix: string, key: string): void {
    for (const folder of ['images', 'layers']) {
      for (const name of readdirSync(join(this.directory, folder))) {
        if (name.startsWith(`${prefix}-`) && !name.startsWith(`${key}.`)) rmSync(join(this.directory, folder, name), { force: true });
      }
    }
  }

  private temporaryPath(): string {
    return join(this.directory, 'tmp', `${process.pid}-${nextTemporary++}-${Date.now()}`);
  }
}

export class ContentWriter {
  private readonly fd: number;
  size = 0;

  constructor(readonly path: string) {
    this.fd = openSync(path, 'wx+', 0o600);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at, bytes.length - at);
    this.size += bytes.length;
  }

  get readFd(): number {
    return this.fd;
  }

  /** Gives it its name. */
  keep(path: string): void {
    closeSync(this.fd);
    renameSync(this.path, path);
  }

  drop(): void {
    closeSync(this.fd);
    rmSync(this.path, { force: true });
  }
}

/** The first line of an index. */
function readHead(path: string): string {
  const head = Buffer.alloc(MAX_HEAD_BYTES);
  const fd = openSync(path, 'r');
  const length = readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  return head.toString('utf8', 0, head.subarray(0, length).indexOf('\n'.charCodeAt(0)));
}

export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

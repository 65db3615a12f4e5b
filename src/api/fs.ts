/**
 * Files of a sandbox, with the names and shapes of node:fs/promises (a subset). Paths are the guest's; relative ones start at
 * the sandbox's working directory. What is made belongs to the sandbox's user; nothing is refused for want of permission.
 * Failures reject with a FileError whose `code` is Linux's ('ENOENT', 'ENOTDIR', ...).
 */
import { posix } from 'node:path';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../abi/stat.js';
import { ClosedError, FileError } from './errors.js';
import type { FileEntry, FileOperation, FileResult, FileStat } from './file-protocol.js';
import { RequestFailed, type KernelClient } from './kernel-client.js';

/** As node's Stats, without the methods for device types that a sandbox never has. */
export interface SandboxStats extends FileStat {
  atime: Date;
  mtime: Date;
  ctime: Date;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** As node's Dirent. */
export interface SandboxDirent {
  name: string;
  parentPath: string;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

export interface WriteFileOptions {
  /** Permission bits of a new file, 0o644 by default; the umask does not apply. */
  mode?: number;
  /** 'w' (the default) replaces the file, 'a' appends, 'wx' fails with EEXIST when it exists. */
  flag?: 'w' | 'a' | 'wx';
}

type TextEncoding = 'utf8' | 'utf-8';

export class SandboxFs {
  constructor(
    private readonly client: KernelClient,
    private readonly cwd: string,
  ) {}

  /** The file's bytes, or its text with `'utf8'`. At most 1 GiB: EFBIG beyond. */
  readFile(path: string): Promise<Uint8Array>;
  readFile(path: string, encoding: TextEncoding | { encoding: TextEncoding }): Promise<string>;
  async readFile(path: string, encoding?: TextEncoding | { encoding: TextEncoding }): Promise<Uint8Array | string> {
    const bytes = (await this.run({ op: 'readFile', path })) as Uint8Array;
    return encoding === undefined ? bytes : new TextDecoder().decode(bytes);
  }

  async writeFile(path: string, data: string | Uint8Array, options: WriteFileOptions = {}): Promise<void> {
    await this.run({ op: 'writeFile', path, data: bytesOf(data), ...options });
  }

  /** Adds to the end of the file, which is made when it does not exist. */
  async appendFile(path: string, data: string | Uint8Array): Promise<void> {
    await this.writeFile(path, data, { flag: 'a' });
  }

  /** Writes several files at once, with the directories that they need: `{ 'src/a.py': 'print(1)', ... }`. */
  async writeFiles(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    const writes = Object.entries(files).map(([path, data]) => this.run({ op: 'writeFile', path, data: bytesOf(data), makeParents: true }));
    await Promise.all(writes);
  }

  /** With `recursive`, missing parents are made and an existing directory is no error. */
  async mkdir(path: string, options: { recursive?: boolean; mode?: number } = {}): Promise<void> {
    await this.run({ op: 'mkdir', path, recursive: options.recursive ?? false, mode: options.mode });
  }

  /** Names in the directory, sorted; without '.' and '..'. */
  readdir(path: string): Promise<string[]>;
  readdir(path: string, options: { withFileTypes: true }): Promise<SandboxDirent[]>;
  async readdir(path: string, options: { withFileTypes?: boolean } = {}): Promise<string[] | SandboxDirent[]> {
    const entries = (await this.run({ op: 'readdir', path })) as FileEntry[];
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (!options.withFileTypes) return entries.map((entry) => entry.name);
    const parentPath = this.absolute(path);
    return entries.map(({ name, type }) => ({ name, parentPath, ...typeTests(type) }));
  }

  async stat(path: string): Promise<SandboxStats> {
    return statsOf((await this.run({ op: 'stat', path })) as FileStat);
  }
  /** As stat, for a symbolic link itself. */
  async lstat(path: string): Promise<SandboxStats> {
    return statsOf((await this.run({ op: 'lstat', path })) as FileStat);
  }

  /** Whether the path leads to something. */
  async exists(path: string): Promise<boolean> {
    try {
      await this.run({ op: 'stat', path });
      return true;
    } catch (error) {
      if (error instanceof FileError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
      throw error;
    }
  }

  /** `recursive` removes directories with all they hold; `force` is content when there is nothing. */
  async rm(path: string, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    await this.run({ op: 'rm', path, recursive: options.recursive ?? false, force: options.force ?? false });
  }
  async rename(from: string, to: string): Promise<void> {
    await this.run({ op: 'rename', from: this.absolute(from), to: this.absolute(to) });
  }
  /** Copies one regular file with its permission bits. */
  async copyFile(from: string, to: string): Promise<void> {
    await this.run({ op: 'copyFile', from: this.absolute(from), to: this.absolute(to) });
  }
  /** `target` is stored as it is. */
  async symlink(target: string, path: string): Promise<void> {
    await this.run({ op: 'symlink', target, path });
  }
  async link(existing: string, path: string): Promise<void> {
    await this.run({ op: 'link', from: this.absolute(existing), to: this.absolute(path) });
  }
  async readlink(path: string): Promise<string> {
    return (await this.run({ op: 'readlink', path })) as string;
  }
  async realpath(path: string): Promise<string> {
    return (await this.run({ op: 'realpath', path })) as string;
  }
  async chmod(path: string, mode: number): Promise<void> {
    await this.run({ op: 'chmod', path, mode });
  }
  async chown(path: string, uid: number, gid: number): Promise<void> {
    await this.run({ op: 'chown', path, uid, gid });
  }
  async truncate(path: string, size = 0): Promise<void> {
    await this.run({ op: 'truncate', path, size });
  }
  /** Times as a Date, or in seconds since the epoch. */
  async utimes(path: string, atime: Date | number, mtime: Date | number): Promise<void> {
    await this.run({ op: 'utimes', path, atime: seconds(atime), mtime: seconds(mtime) });
  }

  private absolute(path: string): string {
    return posix.resolve(this.cwd, path);
  }

  private async run(operation: FileOperation): Promise<FileResult> {
    const sent = 'path' in operation ? { ...operation, path: keepSlash(this.absolute(operation.path), operation.path) } : operation;
    try {
      return await this.client.file(sent);
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      if (error.code === 'ESHUTDOWN') throw new ClosedError();
      throw new FileError(error.code, operation.op, 'path' in sent ? sent.path : sent.from);
    }
  }
}

/** A slash at the end means that the path must be a directory. */
function keepSlash(absolute: string, given: string): string {
  return given.endsWith('/') && absolute !== '/' ? `${absolute}/` : absolute;
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  // A copy of exactly these bytes: a view is sent with the whole buffer beneath it, and the caller may go on writing to it.
  return typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
}

function seconds(time: Date | number): number {
  return typeof time === 'number' ? time : time.getTime() / 1000;
}

function typeTests(mode: number): Pick<SandboxDirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'> {
  const type = mode & S_IFMT;
  return { isFile: () => type === S_IFREG, isDirectory: () => type === S_IFDIR, isSymbolicLink: () => type === S_IFLNK };
}

function statsOf(stat: FileStat): SandboxStats {
  return { ...stat, atime: new Date(stat.atimeMs), mtime: new Date(stat.mtimeMs), ctime: new Date(stat.ctimeMs), ...typeTests(stat.mode) };
}

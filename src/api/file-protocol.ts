/** File operations that main asks of the kernel (sb.fs): one request, one answer. Paths are absolute guest paths, as text. */

export type FileOperation =
  | { op: 'readFile'; path: string }
  /** `flag`: 'w' replaces, 'a' appends, 'wx' fails when the file exists. `makeParents`: creates missing directories. */
  | { op: 'writeFile'; path: string; data: Uint8Array; mode?: number; flag?: 'w' | 'a' | 'wx'; makeParents?: boolean }
  | { op: 'mkdir'; path: string; recursive: boolean; mode?: number }
  | { op: 'readdir'; path: string }
  | { op: 'stat'; path: string }
  | { op: 'lstat'; path: string }
  | { op: 'rm'; path: string; recursive: boolean; force: boolean }
  | { op: 'rename'; from: string; to: string }
  | { op: 'copyFile'; from: string; to: string }
  | { op: 'symlink'; target: string; path: string }
  | { op: 'link'; from: string; to: string }
  | { op: 'readlink'; path: string }
  | { op: 'realpath'; path: string }
  | { op: 'chmod'; path: string; mode: number }
  | { op: 'chown'; path: string; uid: number; gid: number }
  | { op: 'truncate'; path: string; size: number }
  /** Seconds since the epoch, with a fraction. */
  | { op: 'utimes'; path: string; atime: number; mtime: number };

/** What stat tells, with Linux's meaning and units; times in milliseconds since the epoch. */
export interface FileStat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blksize: number;
  blocks: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
}

export interface FileEntry {
  name: string;
  /** S_IFMT bits of the mode. */
  type: number;
}

export type FileResult = Uint8Array | FileEntry[] | FileStat | string | null;

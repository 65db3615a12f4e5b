/** File systems that mount(2) can make (Linux: fs/filesystems.c). Those who implement one register it. */
import type { ByteString, Errno } from '../base/brands.js';
import type { FileSystem } from '../vfs/file-system.js';
import type { Task } from './task.js';
import type { Machine } from './machine.js';

/** Makes an instance from the source and option text of mount(2), for `task`. */
export type FileSystemMaker = (machine: Machine, source: ByteString, options: ByteString, task: Task) => FileSystem | Errno;

const makers = new Map<string, FileSystemMaker>();

export function registerFileSystemType(type: string, make: FileSystemMaker): void {
  makers.set(type, make);
}

export function fileSystemMaker(type: string): FileSystemMaker | undefined {
  return makers.get(type);
}

/** For /proc/filesystems. */
export function fileSystemTypes(): string[] {
  return [...makers.keys()];
}

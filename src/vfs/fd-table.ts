/** Descriptors of a process (Linux: struct files_struct, fs/file.c). Shared by tasks cloned with CLONE_FILES. */
import type { Errno } from '../base/brands.js';
import { EBADF, EMFILE } from '../abi/errno.js';
import { releaseLocks } from './locks.js';
import type { OpenFile } from './open-file.js';
import { endFile } from './path.js';

export class FdTable {
  private files: (OpenFile | undefined)[] = [];
  private closeOnExec = new Set<number>();
  /** Every descriptor below is in use. */
  private maybeFree = 0;
  /** Tasks that share the table. */
  users = 1;

  /** The file behind `fd`, or undefined (EBADF). */
  get(fd: number): OpenFile | undefined {
    return this.files[fd];
  }

  /** Puts `file` (whose reference the table takes over) at the lowest free descriptor >= `from`; EMFILE at `limit`. */
  install(file: OpenFile, cloexec: boolean, limit: number, from = 0): number | Errno {
    const fd = this.lowestFree(from);
    if (fd >= limit) return EMFILE;
    this.set(fd, file, cloexec);
    return fd;
  }

  /** The lowest free descriptor >= `from`. */
  lowestFree(from = 0): number {
    let fd = Math.max(from, this.maybeFree);
    while (this.files[fd] !== undefined) fd++;
    if (from <= this.maybeFree) this.maybeFree = fd;
    return fd;
  }

  /** Puts `file` at `fd`, closing what was there (dup2). */
  replace(fd: number, file: OpenFile, cloexec: boolean): void {
    const old = this.files[fd];
    this.set(fd, file, cloexec);
    if (old) this.closed(old);
  }

  close(fd: number): 0 | Errno {
    const file = this.files[fd];
    if (!file) return EBADF;
    this.files[fd] = undefined;
    this.closeOnExec.delete(fd);
    if (fd < this.maybeFree) this.maybeFree = fd;
    return this.closed(file);
  }

  /** A process loses its record locks on a file when it closes any descriptor of it. */
  private closed(file: OpenFile): 0 | Errno {
    if (file.inode.locks !== undefined) releaseLocks(file.inode, this);
    return closeFile(file);
  }

  isCloseOnExec(fd: number): boolean {
    return this.closeOnExec.has(fd);
  }
  setCloseOnExec(fd: number, on: boolean): void {
    if (on) this.closeOnExec.add(fd);
    else this.closeOnExec.delete(fd);
  }

  /** Open descriptors in order. */
  *entries(): Generator<[number, OpenFile]> {
    for (let fd = 0; fd < this.files.length; fd++) {
      const file = this.files[fd];
      if (file) yield [fd, file];
    }
  }

  /** One past the highest descriptor ever open. */
  get capacity(): number {
    return this.files.length;
  }

  /** The highest open descriptor, -1 when there is none. */
  get highest(): number {
    let fd = this.files.length - 1;
    while (fd >= 0 && this.files[fd] === undefined) fd--;
    return fd;
  }

  /** A copy that refers to the same open files (fork). */
  copy(): FdTable {
    const table = new FdTable();
    table.files = this.files.slice();
    table.closeOnExec = new Set(this.closeOnExec);
    table.maybeFree = this.maybeFree;
    for (const file of table.files) if (file) file.references++;
    return table;
  }

  /** execve: closes what is marked. */
  closeForExec(): void {
    for (const fd of [...this.closeOnExec]) this.close(fd);
  }

  closeAll(): void {
    for (let fd = 0; fd < this.files.length; fd++) if (this.files[fd]) this.close(fd);
    this.files = [];
    this.maybeFree = 0;
  }

  private set(fd: number, file: OpenFile, cloexec: boolean): void {
    while (this.files.length < fd) this.files.push(undefined);
    this.files[fd] = file;
    this.setCloseOnExec(fd, cloexec);
  }
}

/** close(2) of one descriptor: flush, and release with the last reference. */
function closeFile(file: OpenFile): 0 | Errno {
  const result = file.flush();
  dropFile(file);
  return result;
}

/** Gives back a reference that is no descriptor's (a mapping, a message in flight). */
export function dropFile(file: OpenFile): void {
  if (--file.references !== 0) return;
  file.notifyRelease();
  if (file.inode.locks !== undefined) releaseLocks(file.inode, file);
  file.release();
  endFile(file);
}

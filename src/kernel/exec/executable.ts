/** The file that a process runs (Linux: mm->exe_file): kept by name for /proc/PID/exe, and not to be written meanwhile (ETXTBSY). */
import { dropPath, holdPath, type Path } from '../../vfs/path.js';
import type { ThreadGroup } from '../thread-group.js';

/** Replaces the executable of a process; undefined at its end. */
export function setExecutable(group: ThreadGroup, path: Path | undefined): void {
  const old = group.executable;
  if (path) {
    holdPath(path);
    path.dentry.inode!.writeDenied++;
  }
  group.executable = path;
  if (!old) return;
  old.dentry.inode!.writeDenied--;
  dropPath(old);
}

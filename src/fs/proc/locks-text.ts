/** /proc/locks (proc(5); Linux: fs/locks.c, lock_get_status): the locks on files that some process has open. */
import type { ByteString } from '../../base/brands.js';
import type { Machine } from '../../kernel/machine.js';
import { pidIn, type PidNamespace } from '../../kernel/pid-namespace.js';
import type { Inode } from '../../vfs/inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { majorOf, minorOf } from '../../vfs/special-files.js';

/** As `viewer` sees it: locks of processes that have no id there are left out. */
export function fileLocksText(machine: Machine, viewer: PidNamespace): ByteString {
  const rows: string[] = [];
  const seen = new Set<Inode>();
  const holders = new Map<object, number>();
  const files = new Set<OpenFile>();
  for (const task of machine.tasks.values()) {
    for (const [, file] of task.files.entries()) {
      if (!holders.has(file)) holders.set(file, task.group.pid);
      files.add(file);
    }
  }
  for (const { inode } of files) {
    const { locks } = inode;
    if (!locks || seen.has(inode)) continue;
    seen.add(inode);
    const add = (kind: string, exclusive: boolean, holder: number, range: string): void => {
      const pid = holder > 0 ? pidIn(viewer, holder) : holder;
      if (holder > 0 && pid === 0) return;
      const device = `${hex(majorOf(inode.fs.device))}:${hex(minorOf(inode.fs.device))}:${inode.ino}`;
      rows.push(`${rows.length + 1}: ${kind}  ADVISORY  ${exclusive ? 'WRITE' : 'READ'} ${pid} ${device} ${range}\n`);
    };
    for (const { exclusive, pid, start, end } of locks.records) {
      add(pid === -1 ? 'OFDLCK' : 'POSIX', exclusive, pid, `${start} ${end >= Number.MAX_SAFE_INTEGER ? 'EOF' : end}`);
    }
    for (const [owner, exclusive] of locks.whole) add('FLOCK', exclusive, holders.get(owner) ?? 0, '0 EOF');
  }
  return rows.join('');
}

function hex(number: number): string {
  return number.toString(16).padStart(2, '0');
}

/** fcntl(F_SETLEASE): who may, and how the holder is told (Linux: fs/locks.c, vfs_setlease, lease_break_callback). */
import { isErr, type Errno } from '../base/brands.js';
import { CAP_LEASE } from '../abi/capability.js';
import { EACCES, EINVAL } from '../abi/errno.js';
import { F_RDLCK, F_UNLCK, F_WRLCK } from '../abi/fcntl.js';
import { POLLIN } from '../abi/poll.js';
import { POLL_MSG } from '../abi/signal.js';
import { S_IFREG } from '../abi/stat.js';
import { capableOver } from '../vfs/credentials.js';
import { setLease } from '../vfs/leases.js';
import type { OpenFile } from '../vfs/open-file.js';
import { ownBy, signalOwner } from './file-owner.js';
import type { Task } from './task.js';

export function controlLease(task: Task, file: OpenFile, fd: number, type: number): 0 | Errno {
  const { inode } = file;
  const { machine, cred } = task;
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return EINVAL;
  if (type !== F_UNLCK) {
    if (inode.uid !== cred.fsuid && !capableOver(inode, cred, CAP_LEASE)) return EACCES;
    if (inode.type !== S_IFREG) return EINVAL;
  }
  const set = setLease(file, type, () => {
    signalOwner(machine, file, POLL_MSG, POLLIN, fd);
    const seconds = machine.sysctl.leaseBreakTime;
    return seconds > 0 ? machine.clock.monotonicNs() + seconds * 1e9 : Infinity;
  });
  if (!isErr(set) && type !== F_UNLCK) ownBy(task, file);
  return set;
}

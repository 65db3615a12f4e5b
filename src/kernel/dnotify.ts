/** fcntl(F_NOTIFY): a signal to a directory's owner when something happens in it (Linux: fs/notify/dnotify/dnotify.c). */
import type { ByteString, Errno } from '../base/brands.js';
import { ENOTDIR } from '../abi/errno.js';
import { DN_ACCESS, DN_ATTRIB, DN_CREATE, DN_DELETE, DN_MODIFY, DN_MULTISHOT, DN_RENAME } from '../abi/fcntl.js';
import { IN_ACCESS, IN_ATTRIB, IN_CREATE, IN_DELETE, IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO } from '../abi/inotify.js';
import { POLLIN } from '../abi/poll.js';
import { POLL_MSG } from '../abi/signal.js';
import { attachWatch, detachWatch, type InodeWatch } from '../vfs/notify.js';
import type { OpenFile, ReleaseListener } from '../vfs/open-file.js';
import { ownBy, signalOwner } from './file-owner.js';
import type { Machine } from './machine.js';
import type { Task } from './task.js';

const NOTICES: readonly (readonly [number, number])[] = [
  [IN_ACCESS, DN_ACCESS],
  [IN_MODIFY, DN_MODIFY],
  [IN_ATTRIB, DN_ATTRIB],
  [IN_CREATE | IN_MOVED_TO, DN_CREATE],
  [IN_DELETE | IN_MOVED_FROM, DN_DELETE],
];

class DirectoryNotice implements InodeWatch, ReleaseListener {
  mask = 0;
  /** Of the last name that moved away: when it arrives here too, it was a rename within the directory. */
  private lastCookie = 0;

  constructor(
    private readonly machine: Machine,
    private readonly file: OpenFile,
    private readonly fd: number,
  ) {}

  onEvent(event: number, _name: ByteString, cookie: number): void {
    let told = 0;
    for (const [events, notice] of NOTICES) if ((event & events) !== 0) told |= notice;
    if ((event & IN_MOVED_FROM) !== 0) this.lastCookie = cookie;
    if ((event & IN_MOVED_TO) !== 0 && cookie === this.lastCookie) told |= DN_RENAME;
    if ((told & this.mask) === 0) return;
    const { machine, file, fd } = this;
    // Without DN_MULTISHOT the first event is the last.
    if ((this.mask & DN_MULTISHOT) === 0) endNotices(file);
    signalOwner(machine, file, POLL_MSG, POLLIN, fd);
  }

  onFileRelease(): void {
    detachWatch(this.file.inode, this);
    notices.delete(this.file);
  }
}

const notices = new WeakMap<OpenFile, DirectoryNotice>();

function endNotices(file: OpenFile): void {
  const notice = notices.get(file);
  if (!notice) return;
  file.removeReleaseListener(notice);
  notice.onFileRelease();
}

/** mask: DN_*, added to what was asked for before; 0 ends all. */
export function notifyDirectory(task: Task, file: OpenFile, fd: number, mask: number): 0 | Errno {
  if ((mask & ~DN_MULTISHOT) === 0) {
    endNotices(file);
    return 0;
  }
  if (!file.inode.isDirectory) return ENOTDIR;
  let notice = notices.get(file);
  if (!notice) {
    notice = new DirectoryNotice(task.machine, file, fd);
    notices.set(file, notice);
    attachWatch(file.inode, notice);
    file.addReleaseListener(notice);
  }
  notice.mask |= mask;
  ownBy(task, file);
  return 0;
}

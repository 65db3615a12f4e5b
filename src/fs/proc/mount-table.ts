/**
 * /proc/PID/{mounts,mountinfo} as files that tell of changes (Linux: fs/proc_namespace.c, mounts_poll; proc(5)): after the mounts
 * of the namespace have changed, the next poll says POLLPRI and POLLERR, once.
 */
import type { WaitQueue } from '../../base/wait-queue.js';
import { POLLERR, POLLPRI } from '../../abi/poll.js';
import type { MountNamespace } from '../../vfs/mount-namespace.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { ProcText, ProcTextFile, type Owner, type TextSource } from './nodes.js';
import type { FileSystem } from '../../vfs/file-system.js';

export class MountTableNode extends ProcText {
  constructor(
    fs: FileSystem,
    ino: number,
    owner: () => Owner,
    source: TextSource,
    private readonly namespace: () => MountNamespace | undefined,
  ) {
    super(fs, ino, 0o444, owner, source);
  }

  override open(flags: number): OpenFile {
    const namespace = this.namespace();
    return namespace ? new MountTableFile(this, flags, namespace) : super.open(flags);
  }
}

class MountTableFile extends ProcTextFile {
  /** The change that a poll has told of last. */
  private told: number;

  constructor(
    node: ProcText,
    flags: number,
    private readonly namespace: MountNamespace,
  ) {
    super(node, flags);
    this.told = namespace.change;
  }

  override get queue(): WaitQueue {
    return this.namespace.watchers;
  }

  override poll(): number {
    const events = super.poll();
    if (this.told === this.namespace.change) return events;
    this.told = this.namespace.change;
    return events | POLLERR | POLLPRI;
  }
}

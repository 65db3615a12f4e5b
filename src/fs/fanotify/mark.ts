/** What a group wants to know of an object: a file or directory, a mount, a file system (Linux: struct fsnotify_mark). */
import { FAN_EVENT_ON_CHILD, FAN_MARK_IGNORE, FAN_MARK_IGNORED_SURV_MODIFY, FAN_ONDIR } from '../../abi/fanotify.js';
import { IN_DELETE_SELF, IN_MODIFY } from '../../abi/inotify.js';
import type { FileSystem } from '../../vfs/file-system.js';
import { Inode } from '../../vfs/inode.js';
import { Mount } from '../../vfs/mount.js';
import type { InodeWatch } from '../../vfs/notify.js';

export type MarkedObject = Inode | Mount | FileSystem;

export class Mark implements InodeWatch {
  /** FAN_* events, with FAN_ONDIR and FAN_EVENT_ON_CHILD. */
  mask = 0;
  ignored = 0;
  /** The ignored events stay so when the file changes (FAN_MARK_IGNORED_SURV_MODIFY). */
  survives = false;
  /** `ignored` has flags of its own (FAN_MARK_IGNORE). */
  hasIgnoreFlags = false;

  constructor(
    readonly object: MarkedObject,
    private readonly onGone: (mark: Mark) => void,
  ) {}

  /** A line of /proc/PID/fdinfo. */
  fdinfo(): string {
    const { object, mask, ignored, survives, hasIgnoreFlags } = this;
    const hex = (value: number): string => (value >>> 0).toString(16);
    const device =
      object instanceof Mount ? `mnt_id:${hex(object.id)}` : `sdev:${hex(object instanceof Inode ? object.fs.device : object.device)}`;
    const name = object instanceof Inode ? `ino:${hex(object.ino)} ${device}` : device;
    const flags = (survives ? FAN_MARK_IGNORED_SURV_MODIFY : 0) | (hasIgnoreFlags ? FAN_MARK_IGNORE : 0);
    return `fanotify ${name} mflags:${hex(flags)} mask:${hex(mask)} ignored_mask:${hex(ignored)}\n`;
  }

  /** As a watch it only keeps the inode, until that ends. */
  onEvent(mask: number): void {
    if ((mask & IN_DELETE_SELF) !== 0) this.onGone(this);
  }
}

/** An event as marks are asked about it. */
export interface Happening {
  readonly event: number;
  readonly isDirectory: boolean;
}

/** What marks together make of an event: `wanted` without `ignored`. */
export class Verdict {
  private wanted = 0;
  private ignored = 0;

  constructor(private readonly happening: Happening) {}

  /** `asParent`: the mark is of the directory that the file is in. */
  add(mark: Mark | undefined, asParent = false): void {
    if (!mark) return;
    const { event, isDirectory } = this.happening;
    // What is ignored until it changes has changed.
    const isConcerned = !asParent || ((mark.mask | mark.ignored) & FAN_EVENT_ON_CHILD) !== 0;
    if (event === IN_MODIFY && !mark.survives && isConcerned) mark.ignored = 0;
    const flags = (isDirectory ? FAN_ONDIR : 0) | (asParent ? FAN_EVENT_ON_CHILD : 0);
    if ((mark.mask & flags) === flags) this.wanted |= mark.mask;
    const ignoreFlags = mark.hasIgnoreFlags ? flags : asParent ? FAN_EVENT_ON_CHILD : 0;
    const told = mark.hasIgnoreFlags ? mark.ignored : mark.mask;
    if ((told & ignoreFlags) === ignoreFlags) this.ignored |= mark.ignored;
  }

  get events(): number {
    return this.happening.event & this.wanted & ~this.ignored;
  }
}

/** fanotify (Linux: include/uapi/linux/fanotify.h). The events up to 0x800 are inotify's, of inotify.ts. */
export const FAN_CLOEXEC = 1;
export const FAN_NONBLOCK = 2;
export const FAN_CLASS_CONTENT = 4;
export const FAN_CLASS_PRE_CONTENT = 8;
export const FAN_UNLIMITED_QUEUE = 0x10;
export const FAN_UNLIMITED_MARKS = 0x20;
export const FAN_REPORT_TID = 0x100;
export const FAN_REPORT_FID = 0x200;
export const FAN_REPORT_DIR_FID = 0x400;
export const FAN_REPORT_NAME = 0x800;

export const FAN_MARK_ADD = 1;
export const FAN_MARK_REMOVE = 2;
export const FAN_MARK_DONT_FOLLOW = 4;
export const FAN_MARK_ONLYDIR = 8;
export const FAN_MARK_INODE = 0;
export const FAN_MARK_MOUNT = 0x10;
export const FAN_MARK_IGNORED_MASK = 0x20;
export const FAN_MARK_IGNORED_SURV_MODIFY = 0x40;
export const FAN_MARK_FLUSH = 0x80;
export const FAN_MARK_FILESYSTEM = 0x100;
export const FAN_MARK_EVICTABLE = 0x200;
export const FAN_MARK_IGNORE = 0x400;

export const FAN_Q_OVERFLOW = 0x4000;
export const FAN_EVENT_ON_CHILD = 0x08000000;
export const FAN_ONDIR = 0x40000000;
export const FAN_NOFD = -1;

export const FANOTIFY_METADATA_VERSION = 3;
export const FAN_EVENT_METADATA_LEN = 24;
export const FAN_EVENT_INFO_TYPE_FID = 1;
export const FAN_EVENT_INFO_TYPE_DFID_NAME = 2;
export const FAN_EVENT_INFO_TYPE_DFID = 3;

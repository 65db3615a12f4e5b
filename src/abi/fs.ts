/** lseek, renameat2, preadv2 and xattr flags, limits of names (Linux: include/uapi/linux/fs.h, limits.h, xattr.h). */
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;

export const RWF_HIPRI = 1;
export const RWF_DSYNC = 2;
export const RWF_SYNC = 4;
export const RWF_NOWAIT = 8;
export const RWF_APPEND = 0x10;
export const RWF_NOAPPEND = 0x20;

export const NAME_MAX = 255;
export const PATH_MAX = 4096;
export const UIO_MAXIOV = 1024;
/** Most bytes that one read or write moves: INT_MAX rounded down to a page. */
export const MAX_RW_COUNT = 0x7ffff000;

export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
export const XATTR_NAME_MAX = 255;
export const XATTR_SIZE_MAX = 65536;
export const XATTR_LIST_MAX = 65536;

/** ioctl_iflags(2). */
export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;
export const FS_NODUMP_FL = 0x40;
export const FS_NOATIME_FL = 0x80;

/** access(2) modes. */
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

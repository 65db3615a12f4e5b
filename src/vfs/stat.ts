/** What stat, statx and statfs answer, encoded (Linux: fs/stat.c cp_new_stat, cp_statx; fs/statfs.c). */
import type { Errno } from '../base/brands.js';
import { STAT, STATFS, STATX, type StatStruct, type StatxStruct } from '../abi/stat-struct.js';
import { MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY, MS_RELATIME } from '../abi/mount.js';
import {
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_NOSYMFOLLOW,
  ST_RDONLY,
  ST_RELATIME,
  ST_VALID,
} from '../abi/mount.js';
import { STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS, STATX_MNT_ID, STATX_MNT_ID_UNIQUE } from '../abi/stat.js';
import type { FileSystem } from './file-system.js';
import { STATX_FLAGS, statxFlags } from './inode-flags.js';
import { emptyAttributes, type Inode } from './inode.js';
import type { Mount } from './mount.js';
import type { Path } from './path.js';
import { shownGid, shownUid, type UserNamespace } from './user-namespace.js';
import { majorOf, makeDevice, minorOf } from './special-files.js';

/** st_dev of the files of `fs`. */
export function deviceOf(fs: FileSystem): number {
  return makeDevice(0, fs.device);
}

// Reused: stat is called often, and nothing here calls back into the kernel.
const attributes = emptyAttributes();
const statRecord: StatStruct = STAT.zero();
const statBytes = new Uint8Array(STAT.size);
const statView = new DataView(statBytes.buffer);

/** The 144 bytes of struct stat; valid until the next call. */
export function encodeStat(inode: Inode, viewer: UserNamespace): Uint8Array | Errno {
  const got = inode.getAttributes(attributes);
  if (got !== 0) return got;
  const record = statRecord;
  record.dev = deviceOf(inode.fs);
  record.ino = attributes.ino;
  record.nlink = attributes.nlink;
  record.mode = attributes.mode;
  record.uid = shownUid(viewer, attributes.uid);
  record.gid = shownGid(viewer, attributes.gid);
  record.rdev = attributes.rdev;
  record.size = attributes.size;
  record.blksize = attributes.blksize;
  record.blocks = attributes.blocks;
  record.atime = attributes.atime.sec;
  record.atimeNsec = attributes.atime.nsec;
  record.mtime = attributes.mtime.sec;
  record.mtimeNsec = attributes.mtime.nsec;
  record.ctime = attributes.ctime.sec;
  record.ctimeNsec = attributes.ctime.nsec;
  STAT.write(statView, 0, record);
  return statBytes;
}

const statxRecord: StatxStruct = STATX.zero();
const statxBytes = new Uint8Array(STATX.size);
const statxView = new DataView(statxBytes.buffer);

/** The 256 bytes of struct statx; valid until the next call. `path`: unknown for files without a name. */
export function encodeStatx(inode: Inode, path: Path | undefined, viewer: UserNamespace, uniqueId = false): Uint8Array | Errno {
  const got = inode.getAttributes(attributes);
  if (got !== 0) return got;
  const record = statxRecord;
  record.mask = STATX_BASIC_STATS | (uniqueId ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID);
  record.blksize = attributes.blksize;
  record.attributesMask = STATX_ATTR_MOUNT_ROOT;
  record.attributes = path && path.dentry === path.mount.root ? STATX_ATTR_MOUNT_ROOT : 0;
  if (inode.keepsFlags) {
    record.attributesMask |= STATX_FLAGS;
    record.attributes |= statxFlags(inode);
  }
  record.nlink = attributes.nlink;
  record.uid = shownUid(viewer, attributes.uid);
  record.gid = shownGid(viewer, attributes.gid);
  record.mode = attributes.mode;
  record.ino = attributes.ino;
  record.size = attributes.size;
  record.blocks = attributes.blocks;
  record.atime = attributes.atime.sec;
  record.atimeNsec = attributes.atime.nsec;
  record.mtime = attributes.mtime.sec;
  record.mtimeNsec = attributes.mtime.nsec;
  record.ctime = attributes.ctime.sec;
  record.ctimeNsec = attributes.ctime.nsec;
  record.rdevMajor = majorOf(attributes.rdev);
  record.rdevMinor = minorOf(attributes.rdev);
  record.devMinor = inode.fs.device;
  record.mntId = (uniqueId ? path?.mount.uniqueId : path?.mount.id) ?? 0;
  STATX.write(statxView, 0, record);
  return statxBytes;
}

/** The 120 bytes of struct statfs. `mount`: gives the flags; unknown for files without a name. */
export function encodeStatfs(fs: FileSystem, mount: Mount | undefined): Uint8Array {
  const s = fs.statistics();
  const bytes = new Uint8Array(STATFS.size);
  STATFS.write(new DataView(bytes.buffer), 0, {
    ...STATFS.zero(),
    type: s.type,
    bsize: s.blockSize,
    blocks: s.blocks,
    bfree: s.blocksFree,
    bavail: s.blocksAvailable ?? s.blocksFree,
    files: s.files,
    ffree: s.filesFree,
    fsid0: fs.device,
    namelen: s.nameMax,
    frsize: s.blockSize,
    flags: ST_VALID | statfsFlags(mount, fs),
  });
  return bytes;
}

const FLAG_PAIRS: readonly [number, number][] = [
  [MS_RDONLY, ST_RDONLY],
  [MS_NOSUID, ST_NOSUID],
  [MS_NODEV, ST_NODEV],
  [MS_NOEXEC, ST_NOEXEC],
  [MS_NOATIME, ST_NOATIME],
  [MS_NODIRATIME, ST_NODIRATIME],
  [MS_RELATIME, ST_RELATIME],
  [MS_NOSYMFOLLOW, ST_NOSYMFOLLOW],
];

function statfsFlags(mount: Mount | undefined, fs: FileSystem): number {
  let flags = fs.readOnly ? ST_RDONLY : 0;
  if (mount) for (const [from, to] of FLAG_PAIRS) if ((mount.flags & from) !== 0) flags |= to;
  return flags;
}

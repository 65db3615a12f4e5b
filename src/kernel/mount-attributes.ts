/** Flags of mounts as mount_setattr(2), fsmount(2) and statmount(2) call them (Linux: fs/namespace.c, build_mount_kattr). */
import type { Errno } from '../base/brands.js';
import { EINVAL, EPERM } from '../abi/errno.js';
import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MOUNT_ATTR__ATIME,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../abi/mount.js';
import { mountsBeneath, type Mount } from '../vfs/mount.js';
import { changesLockedFlags, setPropagation, type PropagationType } from '../vfs/propagation.js';

const PAIRS: readonly (readonly [number, number])[] = [
  [MOUNT_ATTR_RDONLY, MS_RDONLY],
  [MOUNT_ATTR_NOSUID, MS_NOSUID],
  [MOUNT_ATTR_NODEV, MS_NODEV],
  [MOUNT_ATTR_NOEXEC, MS_NOEXEC],
  [MOUNT_ATTR_NODIRATIME, MS_NODIRATIME],
  [MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW],
];
/** All that can be set here; MOUNT_ATTR_IDMAP cannot. */
const KNOWN = PAIRS.reduce((all, [attribute]) => all | attribute, MOUNT_ATTR__ATIME);
const ATIME_FLAGS = MS_NOATIME | MS_RELATIME;
const PROPAGATION: ReadonlyMap<number, PropagationType> = new Map([
  [MS_SHARED, 'shared'],
  [MS_SLAVE, 'slave'],
  [MS_PRIVATE, 'private'],
  [MS_UNBINDABLE, 'unbindable'],
]);

function plainFlags(attributes: number): number {
  return PAIRS.reduce((flags, [attribute, flag]) => ((attributes & attribute) !== 0 ? flags | flag : flags), 0);
}

/** MS_* for the way of keeping access times; EINVAL for several at a time. */
function atimeFlags(attributes: number): number | Errno {
  switch (attributes & MOUNT_ATTR__ATIME) {
    case 0:
      return MS_RELATIME;
    case MOUNT_ATTR_NOATIME:
      return MS_NOATIME;
    case MOUNT_ATTR_STRICTATIME:
      return 0;
    default:
      return EINVAL;
  }
}

/** Flags of a new mount; EINVAL for unknown ones. */
export function flagsOfAttributes(attributes: number): number | Errno {
  if (attributes > 0xffffffff || (attributes & ~KNOWN) !== 0) return EINVAL;
  const atime = atimeFlags(attributes);
  return atime < 0 ? atime : plainFlags(attributes) | atime;
}

/** The other way, for statmount(2). */
export function attributesOfFlags(flags: number): number {
  const atime = (flags & MS_NOATIME) !== 0 ? MOUNT_ATTR_NOATIME : (flags & MS_RELATIME) !== 0 ? 0 : MOUNT_ATTR_STRICTATIME;
  return PAIRS.reduce((attributes, [attribute, flag]) => ((flags & flag) !== 0 ? attributes | attribute : attributes), atime);
}

export interface AttributeChange {
  attrSet: number;
  attrClr: number;
  propagation: number;
}

/** Checks a change by itself. */
export function checkAttributeChange({ attrSet, attrClr, propagation }: AttributeChange): 0 | Errno {
  if (propagation !== 0 && !PROPAGATION.has(propagation)) return EINVAL;
  if (attrSet > 0xffffffff || attrClr > 0xffffffff || ((attrSet | attrClr) & ~KNOWN) !== 0) return EINVAL;
  const cleared = attrClr & MOUNT_ATTR__ATIME;
  if (cleared !== 0 ? cleared !== MOUNT_ATTR__ATIME : (attrSet & MOUNT_ATTR__ATIME) !== 0) return EINVAL;
  const atime = atimeFlags(attrSet);
  return atime < 0 ? (atime as Errno) : 0;
}

/** Changes one mount or all beneath it; nothing unless all may change. */
export function changeAttributes(top: Mount, recursive: boolean, change: AttributeChange): 0 | Errno {
  const { attrSet, attrClr, propagation } = change;
  const mounts = recursive ? mountsBeneath(top) : [top];
  const changesTimes = (attrClr & MOUNT_ATTR__ATIME) !== 0;
  const wanted = (mount: Mount): number => {
    const flags = (mount.flags & ~plainFlags(attrClr)) | plainFlags(attrSet);
    return changesTimes ? (flags & ~ATIME_FLAGS) | atimeFlags(attrSet) : flags;
  };
  if (mounts.some((mount) => changesLockedFlags(mount, wanted(mount)))) return EPERM;
  const type = PROPAGATION.get(propagation);
  for (const mount of mounts) {
    mount.flags = wanted(mount);
    if (type) setPropagation(mount, type);
  }
  return 0;
}

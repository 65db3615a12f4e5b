/** struct mount_attr, mnt_id_req, statmount (Linux: include/uapi/linux/mount.h). */
import { big64, struct, u32, u64 } from '../base/struct.js';

export const MOUNT_ATTR = struct('mount_attr', { attrSet: u64, attrClr: u64, propagation: u64, usernsFd: u64 }, 32);
export const MNT_ID_REQ = struct('mnt_id_req', { size: u32, spare: u32, mntId: big64, param: big64 }, 24);
/** Up to and with mnt_ns_id; what follows is zero. */
export const STATMOUNT = struct(
  'statmount',
  {
    size: u32,
    mntOpts: u32,
    mask: u64,
    sbDevMajor: u32,
    sbDevMinor: u32,
    sbMagic: u64,
    sbFlags: u32,
    fsType: u32,
    mntId: u64,
    mntParentId: u64,
    mntIdOld: u32,
    mntParentIdOld: u32,
    mntAttr: u64,
    mntPropagation: u64,
    mntPeerGroup: u64,
    mntMaster: u64,
    propagateFrom: u64,
    mntRoot: u32,
    mntPoint: u32,
    mntNsId: u64,
  },
  120,
);

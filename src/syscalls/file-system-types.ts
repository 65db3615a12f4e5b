/** File systems by number and by device (sysfs(2), ustat(2); Linux: fs/filesystems.c, fs/statfs.c). Both are obsolete. */
import { isErr } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { EFAULT, EINVAL, ENAMETOOLONG } from '../abi/errno.js';
import { fileSystemTypes } from '../kernel/file-system-types.js';
import { address, int, PATH_MAX, syscall, uint, ulong } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import type { FileSystem } from '../vfs/file-system.js';
import { listMounts } from '../vfs/mount-list.js';
import { deviceOf } from '../vfs/stat.js';

const NUMBER_OF_NAME = 1;
const NAME_OF_NUMBER = 2;
const COUNT = 3;

export const sysfs = syscall('sysfs', [int, ulong, address], (task, option, argument, at) => {
  const types = fileSystemTypes();
  switch (option) {
    case NUMBER_OF_NAME: {
      const name = task.mm.copyInString(argument, PATH_MAX);
      if (isErr(name)) return name === ENAMETOOLONG ? EINVAL : name;
      const index = types.indexOf(name as string);
      return index < 0 ? EINVAL : index;
    }
    case NAME_OF_NUMBER: {
      const name = types[argument];
      return name === undefined ? EINVAL : isErr(task.copyOut(at, bytesOf(`${name}\0`))) ? EFAULT : 0;
    }
    case COUNT:
      return types.length;
    default:
      return EINVAL;
  }
});

function mountedDevice(task: Task, device: number): FileSystem | undefined {
  return listMounts(task.fs.root).find(({ mount }) => deviceOf(mount.fs) === device)?.mount.fs;
}

/** struct ustat: free blocks (32 bits), free inodes (64 bits), two names of six bytes that are empty. */
export const ustat = syscall('ustat', [uint, address], (task, device, at) => {
  const fs = mountedDevice(task, device);
  if (!fs) return EINVAL;
  const { blocksFree, filesFree } = fs.statistics();
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, Math.min(blocksFree, 2 ** 31 - 1), true);
  view.setBigUint64(8, BigInt(Math.min(filesFree, Number.MAX_SAFE_INTEGER)), true);
  return task.copyOut(at, bytes);
});

/**
 * The host kernel's own file systems, which hostfs never shows, not even within a tree that the user has shared: a guest that
 * could open the host's /proc/PID/mem of skas itself would own it, and files of /sys switch the host's hardware.
 * Magic numbers: include/uapi/linux/magic.h.
 */
import { isErr, type HostFd } from '../../base/brands.js';
import { statFileSystem } from '../../host/file-attributes.js';

const KERNEL_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0xf97cff8c, 'selinuxfs'],
  [0x43415d53, 'smackfs'],
  [0x5a3c69f0, 'apparmorfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0x7655821, 'resctrl'],
  [0xcafe4a11, 'bpf'],
  [0x62656570, 'configfs'],
  [0x6165676c, 'pstore'],
  [0xde5e81e4, 'efivarfs'],
  [0x42494e4d, 'binfmt_misc'],
  [0x65735543, 'fusectl'],
  [0xabba1974, 'xenfs'],
  [0x6e736673, 'nsfs'],
  [0x19800202, 'mqueue'],
  [0x1cd1, 'devpts'],
]);

/** True when the file behind the descriptor lies in one of them, or when the host does not say where it lies. */
export function isKernelFileSystem(fd: HostFd): boolean {
  const known = statFileSystem(fd);
  return isErr(known) || KERNEL_FILE_SYSTEMS.has(known.type);
}

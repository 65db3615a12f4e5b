/** The file systems that a guest can mount by itself (Linux: register_filesystem of each). */
import { isErr } from '../base/brands.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { EINVAL, EPERM } from '../abi/errno.js';
import { capableIn } from '../vfs/credentials.js';
import { toKernelGid, toKernelUid } from '../vfs/user-namespace.js';
import { registerFileSystemType, type FileSystemMaker } from '../kernel/file-system-types.js';
import { DevFs } from './dev/dev-fs.js';
import { mountOverlay } from './layered/mount-overlay.js';
import { ProcFs } from './proc/proc-fs.js';
import { CgroupFs } from './sys/cgroup-fs.js';
import { SysFs } from './sys/sys-fs.js';
import { parseTmpfsOptions, Tmpfs } from './tmpfs/tmpfs.js';

/** Of the root directory: as the options say, else the one who mounts. */
function owner(given: number | undefined, own: number, translate: (id: number) => number): number {
  return given === undefined ? own : translate(given);
}

const makeTmpfs: FileSystemMaker = (machine, _source, text, { cred }) => {
  const { physmem, clock } = machine;
  const options = parseTmpfsOptions(text, physmem.limitBytes);
  if (isErr(options)) return options;
  const uid = owner(options.uid, cred.fsuid, (id) => toKernelUid(cred.userNs, id));
  const gid = owner(options.gid, cred.fsgid, (id) => toKernelGid(cred.userNs, id));
  if (uid < 0 || gid < 0) return EINVAL;
  return new Tmpfs({ sizeBytes: Math.floor(physmem.limitBytes / 2), ...options, uid, gid, physmem, clock, quota: machine.disk });
};

export function registerFileSystemTypes(): void {
  registerFileSystemType('tmpfs', makeTmpfs);
  registerFileSystemType('ramfs', makeTmpfs);
  registerFileSystemType('proc', (machine, _source, _options, { cred, group: { pidNs } }) =>
    capableIn(cred, pidNs.owner!, CAP_SYS_ADMIN) ? new ProcFs(machine, pidNs) : EPERM,
  );
  registerFileSystemType('mqueue', (_machine, _source, _options, { cred, nsproxy: { ipc } }) =>
    capableIn(cred, ipc.owner!, CAP_SYS_ADMIN) ? ipc.mqueues : EPERM,
  );
  registerFileSystemType('sysfs', (machine, _source, _options, { cred, nsproxy: { net } }) =>
    capableIn(cred, net.owner!, CAP_SYS_ADMIN) ? new SysFs(machine, net) : EPERM,
  );
  registerFileSystemType('overlay', (_machine, _source, options, task) => mountOverlay(task, options));
  registerFileSystemType('cgroup2', (machine) => new CgroupFs(machine));
  registerFileSystemType('devtmpfs', (machine) => new DevFs(machine));
}

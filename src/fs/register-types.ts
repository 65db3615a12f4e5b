/** The file systems that a guest can mount by itself (Linux: register_filesystem of each). */
import { isErr } from '../base/brands.js';
import { registerFileSystemType, type FileSystemMaker } from '../kernel/file-system-types.js';
import { DevFs } from './dev/dev-fs.js';
import { ProcFs } from './proc/proc-fs.js';
import { CgroupFs } from './sys/cgroup-fs.js';
import { SysFs } from './sys/sys-fs.js';
import { parseTmpfsOptions, Tmpfs } from './tmpfs/tmpfs.js';

const makeTmpfs: FileSystemMaker = (machine, _source, text) => {
  const { physmem, clock } = machine;
  const options = parseTmpfsOptions(text, physmem.limitBytes);
  if (isErr(options)) return options;
  return new Tmpfs({ sizeBytes: Math.floor(physmem.limitBytes / 2), ...options, physmem, clock, quota: machine.disk });
};

export function registerFileSystemTypes(): void {
  registerFileSystemType('tmpfs', makeTmpfs);
  registerFileSystemType('ramfs', makeTmpfs);
  registerFileSystemType('proc', (machine) => new ProcFs(machine));
  registerFileSystemType('mqueue', (machine) => machine.ipc.mqueues);
  registerFileSystemType('sysfs', (machine) => new SysFs(machine));
  registerFileSystemType('cgroup2', (machine) => new CgroupFs(machine));
  registerFileSystemType('devtmpfs', (machine) => new DevFs(machine));
}

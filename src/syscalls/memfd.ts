/** memfd_create, memfd_secret (Linux: mm/memfd.c). */
import { isErr } from '../base/brands.js';
import { EINVAL, ENAMETOOLONG, ENOSYS } from '../abi/errno.js';
import { createMemfd } from '../fs/tmpfs/memfd.js';
import { address, flags, stub, syscall } from '../kernel/syscall.js';
import { installFile } from '../kernel/task-files.js';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_HUGETLB = 4;
const MFD_NOEXEC_SEAL = 8;
const MFD_EXEC = 0x10;
/** NAME_MAX without the prefix 'memfd:'. */
const NAME_LENGTH = 249;

export const memfdCreate = syscall(
  'memfd_create',
  [address, flags({ MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_HUGETLB, MFD_NOEXEC_SEAL, MFD_EXEC })],
  (task, nameAt, options) => {
    if ((options & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) !== 0) return EINVAL;
    if ((options & (MFD_NOEXEC_SEAL | MFD_EXEC)) === (MFD_NOEXEC_SEAL | MFD_EXEC)) return EINVAL;
    const name = task.mm.copyInString(nameAt, NAME_LENGTH + 1);
    if (typeof name === 'number') return name === ENAMETOOLONG ? EINVAL : name;
    const { machine, cred } = task;
    const noExec = (options & MFD_NOEXEC_SEAL) !== 0;
    const sealable = noExec || (options & MFD_ALLOW_SEALING) !== 0;
    const file = createMemfd(machine.physmem, machine.clock, name, sealable, noExec ? 0o666 : 0o777, cred.fsuid, cred.fsgid);
    return isErr(file) ? file : installFile(task, file, (options & MFD_CLOEXEC) !== 0);
  },
);

export const memfdSecret = stub('memfd_secret', ENOSYS, 'memory that the kernel cannot see is not offered');

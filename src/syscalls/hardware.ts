/**
 * Calls about hardware that guests have none of: I/O ports, restarting, modules, hanging up (ioperm(2), iopl(2), reboot(2),
 * delete_module(2), vhangup(2)). Arguments and privileges are checked as Linux does, then the answer is that of a locked machine.
 */
import { isErr } from '../base/brands.js';
import { CAP_SYS_BOOT, CAP_SYS_MODULE, CAP_SYS_TTY_CONFIG } from '../abi/capability.js';
import { EINVAL, ENAMETOOLONG, ENOENT, EPERM } from '../abi/errno.js';
import { address, int, partial, syscall, uint, ulong } from '../kernel/syscall.js';
import { hasCapability } from '../vfs/credentials.js';

const IO_BITMAP_BITS = 65536;
const MAX_IO_LEVEL = 3;

export const ioperm = syscall(
  'ioperm',
  [ulong, ulong, int],
  (_task, from, count, on) => {
    if (count === 0 || from + count > IO_BITMAP_BITS) return EINVAL;
    return on === 0 ? 0 : EPERM;
  },
  partial('nobody gets ports'),
);

export const iopl = syscall(
  'iopl',
  [uint],
  (_task, level) => (level > MAX_IO_LEVEL ? EINVAL : level === 0 ? 0 : EPERM),
  partial('only level 0'),
);

const LINUX_REBOOT_MAGIC1 = 0xfee1dead;
const LINUX_REBOOT_MAGICS2: ReadonlySet<number> = new Set([672274793, 85072278, 369367448, 537993216]);
const LINUX_REBOOT_CMD_CAD_OFF = 0;
const LINUX_REBOOT_CMD_CAD_ON = 0x89abcdef;
/** RESTART, HALT, POWER_OFF, RESTART2, KEXEC, SW_SUSPEND. */
const OTHER_COMMANDS: ReadonlySet<number> = new Set([0x01234567, 0xcdef0123, 0x4321fedc, 0xa1b2c3d4, 0x45584543, 0xd000fce2]);

export const reboot = syscall(
  'reboot',
  [uint, uint, uint, address],
  (task, magic1, magic2, command) => {
    if (!hasCapability(task.cred, CAP_SYS_BOOT)) return EPERM;
    if (magic1 !== LINUX_REBOOT_MAGIC1 || !LINUX_REBOOT_MAGICS2.has(magic2)) return EINVAL;
    if (command === LINUX_REBOOT_CMD_CAD_OFF || command === LINUX_REBOOT_CMD_CAD_ON) return 0;
    return OTHER_COMMANDS.has(command) ? EPERM : EINVAL;
  },
  partial("the machine is its owner's to stop"),
);

const MODULE_NAME_LEN = 56;

export const deleteModule = syscall(
  'delete_module',
  [address, uint],
  (task, nameAt) => {
    if (!hasCapability(task.cred, CAP_SYS_MODULE)) return EPERM;
    const name = task.mm.copyInString(nameAt, MODULE_NAME_LEN);
    return isErr(name) && name !== ENAMETOOLONG ? name : ENOENT;
  },
  partial('there are no modules'),
);

export const vhangup = syscall(
  'vhangup',
  [],
  (task) => (hasCapability(task.cred, CAP_SYS_TTY_CONFIG) ? 0 : EPERM),
  partial('no terminal is hung up'),
);

/** The machine as a whole: names, memory, randomness (uname(2), sysinfo(2), getrandom(2), sethostname(2)). */
import { isErr, type Errno } from '../base/brands.js';
import { byteString } from '../base/bytes.js';
import { PAGE_SIZE } from '../base/page.js';
import { EINVAL, EPERM } from '../abi/errno.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { SYSINFO, UTS_FIELD } from '../abi/system-struct.js';
import { CLOCK_BOOTTIME } from '../abi/time.js';
import { uptimeNs } from '../kernel/guest-clock.js';
import { currentOffsetNs } from '../kernel/time-namespace.js';
import { signalPending } from '../kernel/signals/send.js';
import { address, buffer, flags, int, ptr, size, syscall } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';
import { capableIn } from '../vfs/credentials.js';

const PER_MASK = 0xff;
const PER_LINUX32 = 8;

export const uname = syscall('uname', [address], (task, at) => {
  const { release, version } = task.machine;
  const { hostname, domainname } = task.nsproxy.uts;
  const architecture = (task.personality & PER_MASK) === PER_LINUX32 ? 'i686' : 'x86_64';
  const bytes = new Uint8Array(6 * UTS_FIELD);
  ['Linux', hostname, release, version, architecture, domainname].forEach((text, field) => {
    for (let i = 0; i < text.length && i < UTS_FIELD - 1; i++) bytes[field * UTS_FIELD + i] = text.charCodeAt(i);
  });
  return task.copyOut(at, bytes);
});

function readName(task: Task, at: number, length: number): string | Errno {
  if (!capableIn(task.cred, task.nsproxy.uts.owner!, CAP_SYS_ADMIN)) return EPERM;
  if (length < 0 || length >= UTS_FIELD) return EINVAL;
  const bytes = new Uint8Array(length);
  const read = length === 0 ? 0 : task.copyIn(at, bytes);
  if (isErr(read)) return read;
  const end = bytes.indexOf(0);
  return byteString(bytes, 0, end < 0 ? length : end);
}

export const sethostname = syscall('sethostname', [buffer(1), int], (task, at, length) => {
  const name = readName(task, at, length);
  if (isErr(name)) return name;
  task.nsproxy.uts.hostname = name as string;
  return 0;
});

export const setdomainname = syscall('setdomainname', [buffer(1), int], (task, at, length) => {
  const name = readName(task, at, length);
  if (isErr(name)) return name;
  task.nsproxy.uts.domainname = name as string;
  return 0;
});

export const sysinfo = syscall('sysinfo', [ptr(SYSINFO, true)], (task, at) => {
  const { machine } = task;
  const total = machine.config.memoryBytes;
  const used = Math.min(total, machine.physmem.framesInUse * PAGE_SIZE);
  return task.mm.writeStruct(at, SYSINFO, {
    ...SYSINFO.zero(),
    uptime: Math.ceil((uptimeNs(machine) + currentOffsetNs(machine, CLOCK_BOOTTIME)) / 1e9),
    totalram: total,
    freeram: total - used,
    procs: Math.min(machine.tasks.size, 65535),
    memUnit: 1,
  });
});

const GRND_NONBLOCK = 1;
const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
/** One call gives no more (Linux: the largest count of read(2), rounded). */
const MOST_BYTES = 0x1ffffff;
const chunk = new Uint8Array(65536);

export const getrandom = syscall(
  'getrandom',
  [buffer('result'), size, flags({ GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE })],
  (task, at, length, options) => {
    if ((options & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) !== 0) return EINVAL;
    if ((options & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return EINVAL;
    return randomTo(task, at, Math.min(length, MOST_BYTES));
  },
);

function randomTo(task: Task, at: number, length: number): number {
  const { machine } = task;
  const io = task.mm.ioVec(at, length);
  let done = 0;
  while (done < length) {
    const part = chunk.subarray(0, Math.min(chunk.length, length - done));
    machine.randomBytes(part);
    const put = io.put(part);
    if (isErr(put)) return done > 0 ? done : put;
    done += put;
    if (put < part.length || signalPending(task)) break;
  }
  return done;
}

/** Asking any socket about network interfaces (Linux: net/core/dev_ioctl.c, net/ipv4/devinet.c; netdevice(7)): there is only lo. */
import { isErr, type Errno } from '../base/brands.js';
import { EADDRNOTAVAIL, EFAULT, ENODEV, EPERM } from '../abi/errno.js';
import { AF_INET } from '../abi/socket.js';
import type { IoctlCaller } from '../vfs/open-file.js';

const SIOCGIFNAME = 0x8910;
const SIOCGIFCONF = 0x8912;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFADDR = 0x8915;
const SIOCGIFDSTADDR = 0x8917;
const SIOCGIFBRDADDR = 0x8919;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFMETRIC = 0x891d;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCGIFTXQLEN = 0x8942;

/** struct ifreq: a name, and 24 bytes that depend on the request. */
const IFREQ_SIZE = 40;
const VALUE = 16;
const LOOPBACK_INDEX = 1;
/** IFF_UP | IFF_LOOPBACK | IFF_RUNNING */
const LOOPBACK_FLAGS = 0x49;
const ARPHRD_LOOPBACK = 772;
const MTU = 65536;

function nameIn(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, VALUE)).toString('latin1');
  return text.slice(0, text.indexOf('\0') < 0 ? VALUE : text.indexOf('\0'));
}

/** The answer to an interface request; undefined: it is none. */
export function interfaceIoctl(caller: IoctlCaller, request: number, argument: number): number | Errno | undefined {
  if (request < SIOCGIFNAME || request > SIOCGIFTXQLEN) return undefined;
  if (request === SIOCGIFCONF) return interfaceList(caller, argument);
  const bytes = new Uint8Array(IFREQ_SIZE);
  if (isErr(caller.copyIn(argument, bytes))) return EFAULT;
  const view = new DataView(bytes.buffer);
  if (request === SIOCGIFNAME) {
    if (view.getInt32(VALUE, true) !== LOOPBACK_INDEX) return ENODEV;
    bytes.set([0x6c, 0x6f, 0], 0);
  } else {
    if (nameIn(bytes) !== 'lo') return ENODEV;
    const filled = fill(view, bytes, request);
    if (filled !== 0) return filled;
  }
  return isErr(caller.copyOut(argument, bytes)) ? EFAULT : 0;
}

function fill(view: DataView, bytes: Uint8Array, request: number): 0 | Errno | undefined {
  bytes.fill(0, VALUE);
  switch (request) {
    case SIOCGIFINDEX:
      view.setInt32(VALUE, LOOPBACK_INDEX, true);
      return 0;
    case SIOCGIFFLAGS:
      view.setInt16(VALUE, LOOPBACK_FLAGS, true);
      return 0;
    case SIOCGIFMTU:
      view.setInt32(VALUE, MTU, true);
      return 0;
    case SIOCGIFTXQLEN:
      view.setInt32(VALUE, 1000, true);
      return 0;
    case SIOCGIFMETRIC:
      return 0;
    case SIOCGIFHWADDR:
      view.setUint16(VALUE, ARPHRD_LOOPBACK, true);
      return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
      return address(view, bytes, [127, 0, 0, 1]);
    case SIOCGIFNETMASK:
      return address(view, bytes, [255, 0, 0, 0]);
    case SIOCGIFBRDADDR:
      return address(view, bytes, [0, 0, 0, 0]);
    case SIOCSIFFLAGS:
      return EPERM;
    default:
      return request % 2 === 0 ? EPERM : EADDRNOTAVAIL;
  }
}

function address(view: DataView, bytes: Uint8Array, host: readonly number[]): 0 {
  view.setUint16(VALUE, AF_INET, true);
  bytes.set(host, VALUE + 4);
  return 0;
}

/** SIOCGIFCONF: struct ifconf is a length and, eight bytes on, a pointer; a null pointer asks for the length. */
function interfaceList(caller: IoctlCaller, argument: number): 0 | Errno {
  const bytes = new Uint8Array(16);
  if (isErr(caller.copyIn(argument, bytes))) return EFAULT;
  const view = new DataView(bytes.buffer);
  const buffer = view.getUint32(8, true) + view.getUint32(12, true) * 4294967296;
  const fits = view.getInt32(0, true) >= IFREQ_SIZE;
  if (buffer !== 0 && fits) {
    const entry = new Uint8Array(IFREQ_SIZE);
    entry.set([0x6c, 0x6f], 0);
    address(new DataView(entry.buffer), entry, [127, 0, 0, 1]);
    if (isErr(caller.copyOut(buffer, entry))) return EFAULT;
  }
  view.setInt32(0, buffer === 0 || fits ? IFREQ_SIZE : 0, true);
  return isErr(caller.copyOut(argument, bytes)) ? EFAULT : 0;
}

/** eventfd(2), timerfd_create(2), epoll(7), memfd_create(2): what the bell listens to, and the file the first stub runs from. */
import type { Errno, HostFd } from '../base/brands.js';
import { bind } from './libc.js';

export const eventfd = bind('eventfd', 'int', ['unsigned int', 'int']) as (initial: number, flags: number) => HostFd | Errno;
export const timerfdCreate = bind('timerfd_create', 'int', ['int', 'int']) as (clock: number, flags: number) => HostFd | Errno;
const timerfdSettime = bind('timerfd_settime', 'int', ['int', 'int', 'void*', 'intptr_t']);
export const epollCreate1 = bind('epoll_create1', 'int', ['int']) as (flags: number) => HostFd | Errno;
const epollCtlCall = bind('epoll_ctl', 'int', ['int', 'int', 'int', 'void*']);
export const closeFd = bind('close', 'int', ['int']) as (fd: HostFd) => 0 | Errno;
const writeCall = bind('write', 'int64_t', ['int', 'void*', 'size_t']);
const memfdCreateCall = bind('memfd_create', 'int', ['void*', 'unsigned int']);

const TFD_TIMER_ABSTIME = 1;

/** struct itimerspec: no interval, one absolute time. */
const itimerspec = new Int32Array(16);
const itimerspecBytes = new Uint8Array(itimerspec.buffer);

/** Arms a timer for an absolute time of its clock; 0 disarms it. */
export function timerfdArm(fd: HostFd, timeNs: number): 0 | Errno {
  const sec = Math.floor(timeNs / 1e9);
  itimerspec[4] = sec % 4294967296;
  itimerspec[5] = Math.floor(sec / 4294967296);
  itimerspec[6] = Math.floor(timeNs - sec * 1e9);
  itimerspec[7] = 0;
  return timerfdSettime(fd, TFD_TIMER_ABSTIME, itimerspecBytes, 0) as 0 | Errno;
}

export function epollCtl(epoll: HostFd, operation: number, fd: HostFd, events: number): 0 | Errno {
  const event = new Uint8Array(64); // struct epoll_event is packed: 12 bytes
  const view = new DataView(event.buffer);
  view.setUint32(0, events, true);
  view.setInt32(4, fd, true);
  return epollCtlCall(epoll, operation, fd, event) as 0 | Errno;
}

const one = new Uint8Array(64);
one[0] = 1;
/** Adds one to an eventfd. */
export function eventfdSignal(fd: HostFd): 0 | Errno {
  const result = writeCall(fd, one, 8);
  return result < 0 ? (result as Errno) : 0;
}

/** An anonymous file with `contents`; descriptor is close-on-exec. */
export function memfdWith(name: string, contents: Uint8Array): HostFd | Errno {
  const text = new Uint8Array(64);
  text.set(Buffer.from(name.slice(0, 60), 'latin1'));
  const fd = memfdCreateCall(text, 1 /* MFD_CLOEXEC */) as number;
  if (fd < 0) return fd as Errno;
  for (let done = 0; done < contents.length; ) {
    const written = writeCall(fd, contents.subarray(done), contents.length - done) as number;
    if (written < 0) {
      closeFd(fd);
      return written as Errno;
    }
    done += written;
  }
  return fd;
}

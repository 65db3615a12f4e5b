/**
 * What opening a device node or FIFO means, whatever file system the node lies in (Linux: fs/char_dev.c, init_special_inode).
 * fs/dev registers devices by major number, fs/pipe the FIFOs; inodes of those types call `openSpecialFile` in `open`.
 */
import type { Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { ENXIO } from '../abi/errno.js';
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../abi/stat.js';
import type { Inode } from './inode.js';
import type { OpenFile } from './open-file.js';

/** `minor` and `flags` of the open; the file made refers to `inode`. */
export type DeviceOpener = (inode: Inode, flags: number, minor: number) => OpenFile | Errno | Blocking<OpenFile | Errno>;
export type FifoOpener = (inode: Inode, flags: number) => OpenFile | Errno | Blocking<OpenFile | Errno>;

const charDevices = new Map<number, DeviceOpener>();
const blockDevices = new Map<number, DeviceOpener>();
let fifoOpener: FifoOpener | undefined;

/** Character devices of one major number. */
export function registerDevice(major: number, opener: DeviceOpener): void {
  charDevices.set(major, opener);
}

/** Block devices of one major number. */
export function registerBlockDevice(major: number, opener: DeviceOpener): void {
  blockDevices.set(major, opener);
}

export function setFifoOpener(opener: FifoOpener): void {
  fifoOpener = opener;
}

/** For `Inode.open` of devices (`rdev`), FIFOs and sockets; sockets and unknown devices are ENXIO. */
export function openSpecialFile(inode: Inode, rdev: number, flags: number): OpenFile | Errno | Blocking<OpenFile | Errno> {
  switch (inode.type) {
    case S_IFIFO:
      return fifoOpener ? fifoOpener(inode, flags) : ENXIO;
    case S_IFCHR:
    case S_IFBLK: {
      const opener = (inode.type === S_IFCHR ? charDevices : blockDevices).get(majorOf(rdev));
      return opener ? opener(inode, flags, minorOf(rdev)) : ENXIO;
    }
    default:
      return ENXIO;
  }
}

/** Device numbers as stat(2) packs them, low 32 bits (Linux: new_encode_dev). */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
export function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}
export function minorOf(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}

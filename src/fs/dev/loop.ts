/** /dev/loop-control and /dev/loopN: opening them, and their ioctls (Linux: drivers/block/loop.c, block/ioctl.c; loop(4)). */
import { isErr, type Errno } from '../../base/brands.js';
import { EACCES, EBADF, EBUSY, EEXIST, EFAULT, EINVAL, ENODEV, ENOSPC, ENOTTY, ENXIO } from '../../abi/errno.js';
import { O_PATH } from '../../abi/fcntl.js';
import * as abi from '../../abi/loop.js';
import { LOOP_INFO, LOOP_INFO64 } from '../../abi/loop.js';
import type { Machine } from '../../kernel/machine.js';
import type { IoVec } from '../../mm/io-vec.js';
import type { Inode } from '../../vfs/inode.js';
import { defaultSeek, OpenFile, type IoctlCaller } from '../../vfs/open-file.js';
import type { DeviceOpener } from '../../vfs/special-files.js';
import { LoopDevice, SECTOR } from './loop-device.js';

export const LOOP_MAJOR = 7;
export const LOOP_COUNT = 8;
export const MISC_MAJOR = 10;
export const LOOP_CONTROL_MINOR = 237;

/** A file of the caller's, by its descriptor. */
type FileByNumber = (fd: number) => OpenFile | Errno;

class LoopControlFile extends OpenFile {
  constructor(
    inode: Inode,
    flags: number,
    private readonly devices: readonly LoopDevice[],
  ) {
    super(inode, flags);
  }

  /** The number of devices is fixed. */
  override ioctl(_caller: IoctlCaller, request: number, argument: number): number | Errno {
    const number = argument | 0;
    switch (request) {
      case abi.LOOP_CTL_GET_FREE: {
        const free = this.devices.findIndex(({ backing }) => backing === undefined);
        return free < 0 ? ENOSPC : free;
      }
      case abi.LOOP_CTL_ADD:
        return number >= 0 && number < this.devices.length ? EEXIST : ENOSPC;
      case abi.LOOP_CTL_REMOVE:
        return number >= 0 && number < this.devices.length ? EBUSY : number < 0 ? EINVAL : ENODEV;
      default:
        return ENOTTY;
    }
  }
}

class LoopFile extends OpenFile {
  constructor(
    inode: Inode,
    flags: number,
    private readonly device: LoopDevice,
    private readonly fileOf: FileByNumber,
  ) {
    super(inode, flags);
    device.openers++;
  }

  override read(io: IoVec, position: number): number | Errno {
    return this.device.read(io, position);
  }
  override write(io: IoVec, position: number): number | Errno {
    return this.device.write(io, position);
  }
  override seek(offset: number, whence: number): number | Errno {
    return defaultSeek(this, offset, whence, this.device.size);
  }
  override fsync(): 0 | Errno {
    return this.device.backing?.fsync() ?? 0;
  }
  override release(): void {
    this.device.closed();
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    const { device } = this;
    switch (request) {
      case abi.LOOP_SET_FD:
      case abi.LOOP_CHANGE_FD: {
        const file = this.fileOf(argument | 0);
        if (isErr(file)) return file;
        return request === abi.LOOP_SET_FD ? device.attach(file, this.writable) : device.change(file);
      }
      case abi.LOOP_CLR_FD:
        return device.clear();
      case abi.LOOP_SET_CAPACITY:
        return device.updateSize();
      case abi.LOOP_SET_DIRECT_IO:
        return device.setDirectIo(argument !== 0);
      case abi.LOOP_SET_BLOCK_SIZE:
        return device.setBlockSize(argument);
      case abi.LOOP_SET_STATUS:
      case abi.LOOP_GET_STATUS:
        return oldStatus(device, caller, request, argument);
      case abi.LOOP_SET_STATUS64:
      case abi.LOOP_GET_STATUS64:
        return status(device, caller, request, argument);
      case abi.LOOP_CONFIGURE:
        return this.configure(caller, argument);
      default:
        return blockControl(device, caller, request, argument);
    }
  }

  /** struct loop_config: descriptor, block size, loop_info64, and 64 bytes that must be zero. */
  private configure(caller: IoctlCaller, at: number): 0 | Errno {
    const { device } = this;
    const bytes = new Uint8Array(8 + LOOP_INFO64.size + 64);
    if (isErr(caller.copyIn(at, bytes))) return EFAULT;
    const view = new DataView(bytes.buffer);
    const info = LOOP_INFO64.read(view, 8);
    const blockSize = view.getUint32(4, true);
    if (blockSize !== 0 && (blockSize < SECTOR || blockSize > 4096 || (blockSize & (blockSize - 1)) !== 0)) return EINVAL;
    if (info.offset > Number.MAX_SAFE_INTEGER || bytes.subarray(8 + LOOP_INFO64.size).some((byte) => byte !== 0)) return EINVAL;
    const file = this.fileOf(view.getInt32(0, true));
    if (isErr(file)) return file;
    const attached = device.attach(file, this.writable && (info.flags & abi.LO_FLAGS_READ_ONLY) === 0);
    if (attached !== 0) return attached;
    if (blockSize !== 0) device.setBlockSize(blockSize);
    device.setStatus(info.offset, info.sizelimit, info.flags, info.fileName);
    return (info.flags & abi.LO_FLAGS_DIRECT_IO) !== 0 ? device.setDirectIo(true) : 0;
  }
}

function oldStatus(device: LoopDevice, caller: IoctlCaller, request: number, at: number): 0 | Errno {
  const bytes = new Uint8Array(LOOP_INFO.size);
  const view = new DataView(bytes.buffer);
  if (request === abi.LOOP_SET_STATUS) {
    if (isErr(caller.copyIn(at, bytes))) return EFAULT;
    const info = LOOP_INFO.read(view, 0);
    return device.setStatus(info.offset, 0, info.flags, info.name);
  }
  if (!device.backing) return ENXIO;
  const { ino } = device.backing.inode;
  const { number, offset, flags, fileName } = device;
  LOOP_INFO.write(view, 0, { ...LOOP_INFO.zero(), number, offset, flags, inode: ino, name: fileName });
  return isErr(caller.copyOut(at, bytes)) ? EFAULT : 0;
}

function status(device: LoopDevice, caller: IoctlCaller, request: number, at: number): 0 | Errno {
  const bytes = new Uint8Array(LOOP_INFO64.size);
  const view = new DataView(bytes.buffer);
  if (request === abi.LOOP_SET_STATUS64) {
    if (isErr(caller.copyIn(at, bytes))) return EFAULT;
    const info = LOOP_INFO64.read(view, 0);
    return device.setStatus(info.offset, info.sizelimit, info.flags, info.fileName);
  }
  if (!device.backing) return ENXIO;
  const { ino } = device.backing.inode;
  const { number, offset, flags, fileName, sizeLimit } = device;
  LOOP_INFO64.write(view, 0, { ...LOOP_INFO64.zero(), number, offset, flags, inode: ino, fileName, sizelimit: sizeLimit });
  return isErr(caller.copyOut(at, bytes)) ? EFAULT : 0;
}

/** What every block device answers. */
function blockControl(device: LoopDevice, caller: IoctlCaller, request: number, at: number): number | Errno {
  switch (request) {
    case abi.BLKGETSIZE64:
      return putLong(caller, at, device.size);
    case abi.BLKGETSIZE:
      return putLong(caller, at, device.size / SECTOR);
    case abi.BLKSSZGET:
    case abi.BLKPBSZGET:
    case abi.BLKIOMIN:
      return putInt(caller, at, device.blockSize);
    case abi.BLKBSZGET:
      return putInt(caller, at, 4096);
    case abi.BLKIOOPT:
    case abi.BLKALIGNOFF:
      return putInt(caller, at, 0);
    case abi.BLKROGET:
      return putInt(caller, at, device.readOnly ? 1 : 0);
    case abi.BLKRAGET:
      return putLong(caller, at, device.readAheadSectors);
    case abi.BLKRASET:
      device.readAheadSectors = at;
      return 0;
    case abi.BLKFLSBUF:
    case abi.BLKBSZSET:
      return 0;
    case abi.BLKRRPART:
      return EINVAL;
    default:
      return ENOTTY;
  }
}

function putInt(caller: IoctlCaller, at: number, value: number): 0 | Errno {
  return caller.copyOut(at, new Uint8Array(Int32Array.of(value).buffer));
}
function putLong(caller: IoctlCaller, at: number, value: number): 0 | Errno {
  return caller.copyOut(at, new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
}

/** One set of devices for each machine, however often devtmpfs is mounted. */
const sets = new WeakMap<Machine, readonly LoopDevice[]>();

function devicesOf(machine: Machine): readonly LoopDevice[] {
  let devices = sets.get(machine);
  if (!devices) {
    devices = Array.from({ length: LOOP_COUNT }, (_, number) => new LoopDevice(number));
    sets.set(machine, devices);
  }
  return devices;
}

/** Opens /dev/loop-control. */
export function loopControlOpener(machine: Machine): DeviceOpener {
  return (inode, flags, minor) => (minor === LOOP_CONTROL_MINOR ? new LoopControlFile(inode, flags, devicesOf(machine)) : ENXIO);
}

/** Opens /dev/loopN. */
export function loopOpener(machine: Machine): DeviceOpener {
  const fileOf: FileByNumber = (fd) => {
    const file = machine.current.files.get(fd);
    return file === undefined || (file.flags & O_PATH) !== 0 ? EBADF : file;
  };
  return (inode, flags, minor) => {
    const device = devicesOf(machine)[minor];
    if (!device) return ENXIO;
    const writes = (flags & 3) !== 0;
    return writes && device.backing && device.readOnly ? EACCES : new LoopFile(inode, flags, device, fileOf);
  };
}

/** The devices of major number 1 (Linux: drivers/char/mem.c, drivers/char/random.c; null(4), full(4), random(4)). */
import { isErr, type Errno } from '../../base/brands.js';
import { EINVAL, ENOSPC, ENOTTY, ENXIO, EPERM } from '../../abi/errno.js';
import type { Machine } from '../../kernel/machine.js';
import type { IoVec } from '../../mm/io-vec.js';
import { PageCache, type Mappable } from '../../mm/page-cache.js';
import type { Inode } from '../../vfs/inode.js';
import { OpenFile, type IoctlCaller } from '../../vfs/open-file.js';
import type { DeviceOpener } from '../../vfs/special-files.js';
import type { KernelLog } from './kernel-log.js';
import { KernelLogFile } from './kernel-log-file.js';

const NULL_MINOR = 3;
const ZERO_MINOR = 5;
const FULL_MINOR = 7;
const RANDOM_MINOR = 8;
const URANDOM_MINOR = 9;
const KMSG_MINOR = 11;

/** A read of zeros moves at most this much, so that one call does not hold up the machine for long. */
const MAX_ZEROS = 256 * 2 ** 20;
/** Linux's limit for one read of random bytes. */
const MAX_RANDOM = 2 ** 25 - 1;
/** Bytes drawn at once. */
const RANDOM_CHUNK = 65536;
/** Larger than any mapping. */
const ZERO_FILE_SIZE = 2 ** 47;

// ioctls of random(4).
const RNDGETENTCNT = 0x80045200;
const RNDADDTOENTCNT = 0x40045201;
const RNDGETPOOL = 0x80085202;
const RNDADDENTROPY = 0x40085203;
const RNDZAPENTCNT = 0x5204;
const RNDCLEARPOOL = 0x5206;
const RNDRESEEDCRNG = 0x5207;
const ENTROPY_BITS = 256;

/** Takes everything, without looking at it. */
class NullFile extends OpenFile {
  override read(_io: IoVec, _position: number): number | Errno {
    return 0;
  }
  override write(io: IoVec, _position: number): number | Errno {
    return io.remaining;
  }
  /** Every seek succeeds and leads to the beginning. */
  override seek(): number {
    this.position = 0;
    return 0;
  }
  override fsync(): 0 | Errno {
    return EINVAL;
  }
}

class ZeroFile extends NullFile {
  constructor(
    inode: Inode,
    flags: number,
    private readonly machine: Machine,
  ) {
    super(inode, flags);
  }
  override read(io: IoVec): number | Errno {
    return io.putZeros(Math.min(io.remaining, MAX_ZEROS));
  }
  /** Each mapping is memory of its own: shared with forked children, with nobody else. */
  override mappable(): Mappable | Errno {
    return { cache: new PageCache(this.machine.physmem, ZERO_FILE_SIZE, undefined, { ownedByMappings: true }) };
  }
}

class FullFile extends NullFile {
  override read(io: IoVec): number | Errno {
    return io.putZeros(Math.min(io.remaining, MAX_ZEROS));
  }
  override write(): Errno {
    return ENOSPC;
  }
}

class RandomFile extends NullFile {
  constructor(
    inode: Inode,
    flags: number,
    private readonly machine: Machine,
  ) {
    super(inode, flags);
  }

  override read(io: IoVec): number | Errno {
    const length = Math.min(io.remaining, MAX_RANDOM);
    const chunk = new Uint8Array(Math.min(length, RANDOM_CHUNK));
    for (let done = 0; done < length; ) {
      const part = Math.min(chunk.length, length - done);
      this.machine.randomBytes(chunk.subarray(0, part));
      const moved = io.put(chunk, 0, part);
      if (isErr(moved)) return done > 0 ? done : moved;
      done += moved;
      if (moved < part) return done;
    }
    return length;
  }

  /** The host's generator needs no seed of a guest's. */
  override write(io: IoVec): number | Errno {
    return io.remaining;
  }

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    switch (request) {
      case RNDGETENTCNT: {
        const failed = caller.copyOut(argument, new Uint8Array(Int32Array.of(ENTROPY_BITS).buffer));
        return isErr(failed) ? failed : 0;
      }
      case RNDADDTOENTCNT:
      case RNDGETPOOL:
      case RNDADDENTROPY:
      case RNDZAPENTCNT:
      case RNDCLEARPOOL:
      case RNDRESEEDCRNG:
        return EPERM;
      default:
        return ENOTTY;
    }
  }
}

/** Opens devices of major number 1. */
export function memoryDeviceOpener(machine: Machine, log: KernelLog): DeviceOpener {
  return (inode, flags, minor) => {
    switch (minor) {
      case NULL_MINOR:
        return new NullFile(inode, flags);
      case ZERO_MINOR:
        return new ZeroFile(inode, flags, machine);
      case FULL_MINOR:
        return new FullFile(inode, flags);
      case RANDOM_MINOR:
      case URANDOM_MINOR:
        return new RandomFile(inode, flags, machine);
      case KMSG_MINOR:
        return new KernelLogFile(inode, flags, log);
      default:
        return ENXIO;
    }
  };
}

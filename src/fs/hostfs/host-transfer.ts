/** Moves data between a host descriptor and memory behind an IoVec: no copy where the memory has a host address. */
import { isErr, type Errno, type HostFd } from '../../base/brands.js';
import type { IoVec } from '../../mm/io-vec.js';
import { preadAddress, preadBytes, pwriteAddress, pwriteBytes } from '../../host/files.js';

/** At most this much of the caller's memory is faulted in at once. */
const MAX_SPAN = 1 << 20;
/** A read asks for at least this much, whatever size the file is thought to have. */
const MIN_BOUND = 65536;

/**
 * Fills `io` from the file at `position`; bytes moved, 0 at the end. `expected`: about how much there is to read, so that a
 * short file read into a huge buffer does not fault all of that in.
 */
export function readHost(fd: HostFd, io: IoVec, position: number, expected: number): number | Errno {
  let done = 0;
  for (;;) {
    const bound = Math.min(MAX_SPAN, Math.max(MIN_BOUND, expected - done));
    const span = io.next(bound, true);
    if (isErr(span)) return done > 0 ? done : span;
    if (span === 0) return done;
    const moved =
      io.spanHost !== 0
        ? preadAddress(fd, io.spanHost, span, position + done)
        : preadBytes(fd, io.spanBytes, io.spanOffset, span, position + done);
    if (isErr(moved)) return done > 0 ? done : moved;
    io.advance(moved);
    done += moved;
    if (moved < span) return done;
  }
}

/** Writes all of `io` to the file at `position`; bytes moved. */
export function writeHost(fd: HostFd, io: IoVec, position: number): number | Errno {
  let done = 0;
  for (;;) {
    const span = io.next(MAX_SPAN, false);
    if (isErr(span)) return done > 0 ? done : span;
    if (span === 0) return done;
    const moved =
      io.spanHost !== 0
        ? pwriteAddress(fd, io.spanHost, span, position + done)
        : pwriteBytes(fd, io.spanBytes, io.spanOffset, span, position + done);
    if (isErr(moved)) return done > 0 ? done : moved;
    io.advance(moved);
    done += moved;
    if (moved < span) return done;
  }
}

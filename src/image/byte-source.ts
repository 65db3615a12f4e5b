/** A run of bytes in a file of the host: a whole archive, or a member of one. Reads are positioned, so it can be skipped through. */
import { fstatSync, readSync } from 'node:fs';

export class ByteSource {
  constructor(
    readonly fd: number,
    /** The file behind `fd`, absolute. */
    readonly path: string,
    /** Where the run begins in the file. */
    readonly start: number,
    readonly length: number,
  ) {}

  static ofFile(fd: number, path: string): ByteSource {
    return new ByteSource(fd, path, 0, fstatSync(fd).size);
  }

  /** Fills `target` from `position` on; bytes read, fewer at the end. */
  read(target: Uint8Array, position: number): number {
    const wanted = Math.min(target.length, this.length - position);
    let done = 0;
    while (done < wanted) {
      const got = readSync(this.fd, target, done, wanted - done, this.start + position + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  slice(position: number, length: number): ByteSource {
    return new ByteSource(this.fd, this.path, this.start + position, length);
  }
}

/**
 * Writing to the host's standard output and standard error. By fs.write, not by process.stdout: that would turn a shared pipe
 * non-blocking under other programs' feet, or block this thread, which has signals to serve. Writes happen one after another.
 */
import { fstatSync, write } from 'node:fs';

interface Piece {
  readonly fd: number;
  readonly bytes: Uint8Array;
  readonly done: (error: NodeJS.ErrnoException | undefined) => void;
}

const RETRY_MS = 2;

/** A queue of writes to one open file. */
export class HostOutput {
  private readonly pieces: Piece[] = [];
  private busy = false;
  private idleListeners: (() => void)[] = [];

  /** Calls `done` when the host has taken all of it, or with the error that it gave. */
  write(fd: number, bytes: Uint8Array, done: Piece['done']): void {
    this.pieces.push({ fd, bytes, done });
    if (!this.busy) this.next();
  }

  /** Resolves when everything is written. */
  idle(): Promise<void> {
    if (!this.busy) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }

  private next(): void {
    const piece = this.pieces.shift();
    if (!piece) {
      this.busy = false;
      for (const listener of this.idleListeners.splice(0)) listener();
      return;
    }
    this.busy = true;
    this.writeFrom(piece, 0);
  }

  private writeFrom(piece: Piece, offset: number): void {
    write(piece.fd, piece.bytes, offset, piece.bytes.length - offset, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.writeFrom(piece, offset), RETRY_MS);
      } else if (!error && offset + written < piece.bytes.length) {
        this.writeFrom(piece, offset + written);
      } else {
        piece.done(error ?? undefined);
        this.next();
      }
    });
  }
}

/** True when standard output and standard error are the same open file: then their order counts. */
export function sameFile(): boolean {
  try {
    const out = fstatSync(1);
    const err = fstatSync(2);
    return out.dev === err.dev && out.ino === err.ino;
  } catch {
    return false;
  }
}

/**
 * Reading the host's standard input, one chunk each time the kernel asks, and nothing before: what the guest does not read stays
 * for whoever reads next. Files are read directly; for terminals and pipes, where a read may wait, Node's streams do the
 * waiting, because a thread that hangs in read(2) would keep the program from exiting.
 */
import { fstatSync, read } from 'node:fs';
import { isatty } from 'node:tty';
import { INPUT_CHUNK_BYTES } from '../api/protocol.js';

export interface InputTarget {
  send(bytes: Uint8Array): void;
  /** `error`: why it ends before its time. */
  end(error?: Error): void;
}

export class HostInput {
  private stream: (NodeJS.ReadableStream & { destroy(): void }) | undefined = undefined;
  private opened = false;
  private direct = false;
  private ended = false;

  constructor(private readonly target: InputTarget) {}

  /** Reads one chunk and sends it. */
  want(): void {
    if (this.ended) return;
    if (!this.opened) this.open();
    if (this.direct) this.readDirect();
    else this.stream?.resume();
  }

  /** Nobody reads any more. */
  close(): void {
    this.ended = true;
    this.stream?.destroy();
    this.stream = undefined;
  }

  private open(): void {
    this.opened = true;
    try {
      const stat = fstatSync(0);
      // A directory too: read(2) says what is wrong with it.
      this.direct = stat.isFile() || stat.isDirectory() || stat.isBlockDevice() || (stat.isCharacterDevice() && !isatty(0));
    } catch {
      this.end();
      return;
    }
    if (this.direct) return;
    const stream = process.stdin;
    this.stream = stream as typeof stream & { destroy(): void };
    stream.on('data', (bytes: Buffer) => {
      stream.pause();
      this.target.send(new Uint8Array(bytes));
    });
    stream.on('end', () => this.end());
    stream.on('error', (error) => this.end(error));
  }

  private readDirect(): void {
    const buffer = new Uint8Array(INPUT_CHUNK_BYTES);
    read(0, buffer, 0, buffer.length, null, (error, length) => {
      if (error || length === 0) this.end(error ?? undefined);
      else if (!this.ended) this.target.send(buffer.slice(0, length));
    });
  }

  private end(error?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.target.end(error);
  }
}

/**
 * Where a guest's standard input comes from. The kernel asks for one chunk at a time; `StdinFeed` answers from whatever the
 * caller gave: nothing, text or bytes, something to iterate, or writes of the application.
 */
import { INPUT_CHUNK_BYTES } from './protocol.js';

/** What `stdin` of exec may be. A string is sent as UTF-8. */
export type StdinInput =
  | string
  | Uint8Array
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>
  | ReadableStream<Uint8Array>;

/** How chunks reach the kernel. */
export interface StdinTarget {
  /** May transfer the buffer of bytes that fill it. */
  send(bytes: Uint8Array): void;
  end(): void;
}

interface Chunk {
  bytes: Uint8Array;
  offset: number;
  done(error?: Error): void;
}

export class StdinFeed {
  private readonly chunks: Chunk[] = [];
  private wanted = false;
  private ending = false;
  private finished = false;
  private iterator: AsyncIterator<Uint8Array | string> | Iterator<Uint8Array | string> | undefined = undefined;
  private pulling = false;

  constructor(
    private readonly target: StdinTarget,
    /** Told of an error of the iterable that was given as input. */
    private readonly onError: (error: unknown) => void = () => {},
  ) {}

  /** Uses up `input`, then ends. */
  feed(input: StdinInput): void {
    if (typeof input === 'string' || input instanceof Uint8Array) {
      // A guest that does not read all of it is no failure.
      this.write(input).catch(() => {});
      this.end();
    } else {
      this.iterator = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : (input as Iterable<string>)[Symbol.iterator]();
      this.advance();
    }
  }

  /** Resolves when the guest has asked for all of it; rejects when nobody can read it. */
  write(data: string | Uint8Array): Promise<void> {
    // A copy: the caller may reuse the memory, and buffers are transferred.
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
    return new Promise((resolve, reject) => {
      if (this.finished || this.ending) {
        reject(closedPipe());
        return;
      }
      if (bytes.length === 0) {
        resolve();
        return;
      }
      this.chunks.push({ bytes, offset: 0, done: (error) => (error ? reject(error) : resolve()) });
      this.advance();
    });
  }

  /** End of file, behind what was written. */
  end(): void {
    this.ending = true;
    this.advance();
  }

  /** The kernel asks for a chunk. */
  want(): void {
    this.wanted = true;
    this.advance();
  }

  /** No guest can read any more: what is left is dropped. */
  close(): void {
    if (this.finished) return;
    this.finished = true;
    for (const chunk of this.chunks) chunk.done(closedPipe());
    this.chunks.length = 0;
    void this.iterator?.return?.();
    this.iterator = undefined;
  }

  private advance(): void {
    if (this.finished) return;
    if (this.chunks.length === 0 && this.ending) {
      this.finished = true;
      this.target.end();
      return;
    }
    if (!this.wanted) return;
    const chunk = this.chunks[0];
    if (chunk) this.sendFrom(chunk);
    else if (this.iterator && !this.pulling) void this.pull();
  }

  private sendFrom(chunk: Chunk): void {
    this.wanted = false;
    const { bytes, offset } = chunk;
    const end = Math.min(offset + INPUT_CHUNK_BYTES, bytes.length);
    chunk.offset = end;
    const whole = offset === 0 && end === bytes.length;
    this.target.send(whole ? bytes : new Uint8Array(bytes.subarray(offset, end)));
    if (end < bytes.length) return;
    this.chunks.shift();
    chunk.done();
    if (this.chunks.length === 0 && this.ending) this.advance();
  }

  private async pull(): Promise<void> {
    this.pulling = true;
    try {
      const next = await this.iterator!.next();
      this.pulling = false;
      if (this.finished) return;
      if (next.done) this.end();
      else this.write(next.value).catch(() => {});
      this.advance();
    } catch (error) {
      this.pulling = false;
      this.onError(error);
      if (!this.finished) this.end();
    }
  }
}

function closedPipe(): Error {
  return Object.assign(new Error('write EPIPE: no program reads this standard input any more'), { code: 'EPIPE' });
}

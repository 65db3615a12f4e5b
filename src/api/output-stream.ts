/** One output stream of a process as a web stream, whose reader's pace becomes credit for the kernel. */

export interface OutputFlow {
  /** The reader has taken so many bytes. */
  consumed(bytes: number): void;
  /** Nobody will read any more: guests that write shall get EPIPE. */
  cancelled(): void;
}

export class OutputStream {
  readonly stream: ReadableStream<Uint8Array>;
  /** No byte will come any more. */
  complete = false;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private readonly chunks: Uint8Array[] = [];
  private wanted = false;
  private discarding = false;

  constructor(private readonly flow: OutputFlow) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => {
          this.wanted = true;
          this.advance();
        },
        cancel: () => {
          this.chunks.length = 0;
          this.discarding = true;
          if (!this.complete) flow.cancelled();
        },
      },
      // The chunks wait here, not in the stream's own queue: only what is read counts as consumed.
      { highWaterMark: 0 },
    );
  }

  push(bytes: Uint8Array): void {
    if (this.discarding) {
      this.flow.consumed(bytes.length);
      return;
    }
    this.chunks.push(bytes);
    this.advance();
  }

  end(): void {
    this.complete = true;
    this.advance();
  }

  /** Drops what is unread and what will come. */
  discard(): void {
    this.discarding = true;
    for (const bytes of this.chunks.splice(0)) this.flow.consumed(bytes.length);
  }

  private advance(): void {
    if (this.discarding && !this.complete) return;
    const bytes = this.wanted ? this.chunks.shift() : undefined;
    if (bytes) {
      this.wanted = false;
      this.controller.enqueue(bytes);
      this.flow.consumed(bytes.length);
    } else if (this.complete && this.chunks.length === 0) {
      this.close();
    }
  }

  private close(): void {
    try {
      this.controller.close();
    } catch {
      // Closed or cancelled before.
    }
  }
}

/**
 * From compressed bytes to plain ones, in bounded pieces. The format is told by its first bytes, whatever a name or a media type
 * says. gzip is Node's; zstd is Node's where it has it (22.15 on), else the host's program, else the library's, which is three
 * times slower; xz and bzip2 are the host's programs.
 */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { PassThrough, Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { ArchiveError } from './archive-error.js';
import type { ByteSource } from './byte-source.js';

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

const CHUNK_BYTES = 1 << 20;
/** The library inflates a piece at once, a thousandfold at worst. */
const ZSTD_PIECE_BYTES = 1 << 14;

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

export function compressionOf(source: ByteSource): Compression {
  const head = Buffer.alloc(6);
  source.read(head, 0);
  return MAGICS.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? 'none';
}

/** The bytes of `source` as they are; `onRead` is told how many have been read. */
export async function* rawBytes(source: ByteSource, onRead?: (bytes: number) => void): AsyncGenerator<Buffer> {
  if (source.length === 0) return;
  const { path, fd, start, length } = source;
  const stream = createReadStream(path, { fd, autoClose: false, start, end: start + length - 1, highWaterMark: CHUNK_BYTES });
  for await (const chunk of stream) {
    onRead?.((chunk as Buffer).length);
    yield chunk as Buffer;
  }
}

/** The plain bytes of what `input` gives. Throws ArchiveError when they cannot be had. */
export async function* plainBytes(input: AsyncIterable<Buffer>, compression: Compression): AsyncGenerator<Uint8Array> {
  switch (compression) {
    case 'none':
      yield* input;
      return;
    case 'gzip':
      yield* through(input, zlib.createGunzip({ chunkSize: CHUNK_BYTES }), compression);
      return;
    case 'zstd': {
      const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: zlib.ZlibOptions) => Duplex };
      if (createZstdDecompress) yield* through(input, createZstdDecompress({ chunkSize: CHUNK_BYTES }), compression);
      else if (isOnPath('zstd')) yield* byProgram(input, 'zstd');
      else yield* zstdBytes(input);
      return;
    }
    default:
      yield* byProgram(input, compression);
  }
}

async function* through(input: AsyncIterable<Buffer>, stream: Duplex, compression: Compression): AsyncGenerator<Uint8Array> {
  const output = new PassThrough({ highWaterMark: CHUNK_BYTES });
  const done = pipeline(Readable.from(input, { objectMode: true, highWaterMark: 1 }), stream, output);
  done.catch(() => {});
  try {
    for await (const chunk of output) yield chunk as Uint8Array;
    await done;
  } catch (error) {
    throw damaged(error, compression);
  } finally {
    stream.destroy();
  }
}

/** By the library: for hosts that have nothing else. */
export async function* zstdBytes(input: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  const ready: Uint8Array[] = [];
  const stream = new Decompress((chunk) => {
    if (chunk.length > 0) ready.push(chunk);
  });
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; at += ZSTD_PIECE_BYTES) {
      inflate(() => stream.push(chunk.subarray(at, at + ZSTD_PIECE_BYTES)));
      yield* ready.splice(0);
    }
  }
  inflate(() => stream.push(new Uint8Array(0), true));
  yield* ready.splice(0);
}

function inflate(push: () => void): void {
  try {
    push();
  } catch {
    throw damaged(undefined, 'zstd');
  }
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => isAbsolute(folder) && existsSync(join(folder, program)));
}

async function* byProgram(input: AsyncIterable<Buffer>, program: 'xz' | 'bzip2' | 'zstd'): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', () =>
      reject(new ArchiveError(`needs the program ${program} to be unpacked: install it, or unpack the archive first`)),
    );
    child.on('close', (code) => resolve(code ?? 1));
  });
  ended.catch(() => {});
  const fed = pipeline(Readable.from(input, { objectMode: true, highWaterMark: 1 }), child.stdin);
  fed.catch(() => {});
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    if ((await ended) !== 0) throw damaged(undefined, program);
  } finally {
    child.kill();
  }
}

function damaged(error: unknown, compression: Compression): Error {
  if (error instanceof ArchiveError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  // What the caller's own reading ran into stays as it is.
  if (code !== undefined && !/^(?:Z_|ERR_|ZSTD)/.test(code)) return error as Error;
  return new ArchiveError(`is cut off or damaged (its ${compression} data cannot be unpacked)`);
}

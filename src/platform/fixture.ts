/** What the platform tests share: guest RAM without mm, guests assembled in place. */
import { Assembler } from '../asm/assembler.js';
import { assert, KernelBug } from '../base/assert.js';
import { isErr, type PhysAddr } from '../base/brands.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { viewOf } from '../host/libc.js';
import { close, ftruncate, mapShared, memfdCreate, munmap } from '../host/memory.js';
import { frameBytes, type FrameStore } from './frames.js';
import type { HostThread, Platform } from './platform.js';
import { PtracePlatform } from './ptrace/ptrace-platform.js';
import { RAX, RIP, RSP } from './registers.js';
import { SeccompPlatform } from './seccomp/seccomp-platform.js';

const RAM_BYTES = 256 << 20;

/** A memfd whose frames are handed out in order; counts what is not returned. */
export class PlainFrames implements FrameStore {
  readonly fd: number;
  inUse = 0;
  private readonly bytes: Uint8Array;
  private readonly address: number;
  private next = 0;

  constructor() {
    this.fd = memfdCreate('platform-test', 1);
    ftruncate(this.fd, RAM_BYTES);
    this.address = mapShared(this.fd, 0, RAM_BYTES, 4096);
    assert(!isErr(this.fd) && !isErr(this.address), 'memory for the test');
    this.bytes = new Uint8Array(viewOf(this.address, RAM_BYTES));
  }
  allocate(pages: number, alignPages = 1): PhysAddr {
    this.next = Math.ceil(this.next / alignPages) * alignPages;
    const frame = this.next;
    this.next += pages;
    this.inUse += pages;
    if (this.next * 4096 > RAM_BYTES) throw new KernelBug('the test needs more guest RAM');
    return frame * 4096;
  }
  release(_address: PhysAddr, pages: number): void {
    this.inUse -= pages;
  }
  window(): Uint8Array {
    return this.bytes;
  }
  windowOffset(address: PhysAddr): number {
    return address;
  }
  dispose(): void {
    munmap(this.address, RAM_BYTES);
    close(this.fd);
  }
}

const ALL_PLATFORMS: Readonly<Record<string, (frames: FrameStore) => Platform>> = {
  ptrace: (frames) => {
    const platform = PtracePlatform.create(frames);
    if (!(platform instanceof PtracePlatform)) throw new KernelBug(`no ptrace platform: ${platform.step}, errno ${platform.errno}`);
    return platform;
  },
  seccomp: (frames) => {
    const platform = SeccompPlatform.create(frames);
    if (!(platform instanceof SeccompPlatform)) throw new KernelBug(`no seccomp platform: ${platform.step}, errno ${platform.errno}`);
    return platform;
  },
};

/** Those to test; SKAS_PLATFORMS narrows them. */
export const PLATFORMS = Object.fromEntries(
  Object.entries(ALL_PLATFORMS).filter(([name]) => (process.env.SKAS_PLATFORMS ?? 'ptrace,seccomp').split(',').includes(name)),
);

/** Where the tests map guest code, data and stack. */
export const CODE = 0x40_0000;
export const DATA = 0x60_0000;
export const STACK_TOP = 0x80_0000;

export interface Bench {
  readonly frames: PlainFrames;
  readonly platform: Platform;
  /** A guest with code at CODE, a data page at DATA, a page of stack below STACK_TOP; stopped at the code's begin. */
  guest(write: (a: Assembler) => void): Guest;
}

export interface Guest {
  readonly thread: HostThread;
  readonly codeFrame: PhysAddr;
  readonly dataFrame: PhysAddr;
  /** The kernel's view of the data page. */
  readonly data: DataView;
  readonly labels: (name: string) => number;
}

/** Runs `body` with a fresh platform; checks that it leaves nothing behind. */
export function withPlatform(create: (frames: FrameStore) => Platform, body: (bench: Bench) => void): void {
  const frames = new PlainFrames();
  const platform = create(frames);
  try {
    body({ frames, platform, guest: (write) => makeGuest(frames, platform, write) });
  } finally {
    platform.shutdown();
    frames.dispose();
  }
}

function makeGuest(frames: PlainFrames, platform: Platform, write: (a: Assembler) => void): Guest {
  const thread = unwrap(platform.createSpace());
  const a = new Assembler();
  write(a);
  const [codeFrame, dataFrame, stackFrame] = [frames.allocate(1), frames.allocate(1), frames.allocate(1)];
  frameBytes(frames, codeFrame, 4096).set(a.assemble());
  thread.space.map(CODE, 4096, PROT_READ | PROT_EXEC, codeFrame);
  thread.space.map(DATA, 4096, PROT_READ | PROT_WRITE, dataFrame);
  thread.space.map(STACK_TOP - 4096, 4096, PROT_READ | PROT_WRITE, stackFrame);
  thread.regs.set(RIP, CODE);
  thread.regs.set(RSP, STACK_TOP - 64);
  const bytes = frameBytes(frames, dataFrame, 4096);
  const data = new DataView(bytes.buffer, bytes.byteOffset, 4096);
  return { thread, codeFrame, dataFrame, data, labels: (name) => CODE + a.offsetOf(name) };
}

/** The result, or an exception when it is an errno. */
export function unwrap<T>(result: T): Exclude<T, number> {
  if (isErr(result)) throw new KernelBug(`errno ${-result}`);
  return result as Exclude<T, number>;
}

/** Resumes and waits until this thread traps. Traps of others are an error; wake-ups by the bell are not. */
export function step(platform: Platform, thread: HostThread): void {
  thread.resume();
  awaitTrap(platform, thread);
}

export function awaitTrap(platform: Platform, thread: HostThread): void {
  for (;;) {
    const trapped = platform.wait(Infinity);
    if (trapped === thread) return;
    if (trapped !== null) throw new KernelBug(`another thread trapped: kind ${trapped.trap.kind}`);
  }
}

/** Answers the system call at which a thread stands. */
export function answer(thread: HostThread, value: number): void {
  thread.regs.set(RAX, value);
}

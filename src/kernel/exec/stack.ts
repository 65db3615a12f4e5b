/**
 * The initial stack (Linux: fs/exec.c, create_elf_tables; System V ABI, "Initial Process Stack").
 *
 *   high  0 (8 bytes)
 *         file name, environment strings, argument strings
 *         "x86_64", 16 random bytes
 *         padding to 16
 *         auxv pairs ... AT_NULL
 *         envp pointers, 0
 *         argv pointers, 0
 *   rsp-> argc
 */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../../base/brands.js';
import { AT_EXECFN, AT_NULL, AT_PLATFORM, AT_RANDOM } from '../../abi/auxvec.js';
import type { AddressSpace } from '../../mm/address-space.js';

export interface InitialStack {
  readonly argv: readonly ByteString[];
  readonly envp: readonly ByteString[];
  /** AT_EXECFN. */
  readonly fileName: ByteString;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  /** Pairs without AT_RANDOM, AT_PLATFORM, AT_EXECFN and AT_NULL, which are added here. */
  readonly auxv: readonly (readonly [number, number])[];
}

/** Bytes of strings and pointers: what E2BIG is about. */
export function stackBytes(argv: readonly ByteString[], envp: readonly ByteString[], fileName: ByteString): number {
  let total = fileName.length + 1;
  for (const text of argv) total += text.length + 9;
  for (const text of envp) total += text.length + 9;
  return total;
}

/** Writes the stack below `top` and returns the stack pointer. Records argument and environment ranges in `mm`. */
export function buildStack(mm: AddressSpace, top: GuestAddr, stack: InitialStack): GuestAddr | Errno {
  const { argv, envp, fileName } = stack;
  const stringBytes = stackBytes(argv, envp, fileName) - (argv.length + envp.length) * 8;
  const stringsStart = top - 8 - stringBytes;
  const extrasStart = stringsStart - 8 - 16;
  const words = 1 + argv.length + 1 + envp.length + 1 + (stack.auxv.length + 4) * 2;
  let pointer = extrasStart - words * 8;
  pointer -= pointer % 16;

  const image = new Uint8Array(top - pointer);
  const view = new DataView(image.buffer);
  const writer = new StackWriter(image, view, pointer);
  const argvPointers = writer.strings(stringsStart, argv);
  const envpPointers = writer.strings(argvPointers.end, envp);
  writer.strings(envpPointers.end, [fileName]);
  writer.strings(extrasStart, ['x86_64']);
  image.set(stack.random, extrasStart + 8 - pointer);

  writer.word(argv.length);
  for (const address of argvPointers.addresses) writer.word(address);
  writer.word(0);
  for (const address of envpPointers.addresses) writer.word(address);
  writer.word(0);
  const auxvStart = writer.position;
  for (const [type, value] of stack.auxv) writer.pair(type, value);
  writer.pair(AT_PLATFORM, extrasStart);
  writer.pair(AT_RANDOM, extrasStart + 8);
  writer.pair(AT_EXECFN, envpPointers.end);
  writer.pair(AT_NULL, 0);
  mm.auxv = image.slice(auxvStart, writer.position);

  mm.argStart = stringsStart;
  mm.argEnd = argvPointers.end;
  mm.envStart = argvPointers.end;
  mm.envEnd = envpPointers.end;
  mm.startStack = pointer;
  const copied = mm.copyOut(pointer, image);
  return isErr(copied) ? copied : pointer;
}

class StackWriter {
  position = 0;
  constructor(
    private readonly image: Uint8Array,
    private readonly view: DataView,
    private readonly base: GuestAddr,
  ) {}

  word(value: number): void {
    this.view.setUint32(this.position, value % 4294967296, true);
    this.view.setUint32(this.position + 4, Math.floor(value / 4294967296), true);
    this.position += 8;
  }

  pair(type: number, value: number): void {
    this.word(type);
    this.word(value);
  }

  /** Stores NUL-terminated strings one behind the other from guest address `start`. */
  strings(start: GuestAddr, texts: readonly ByteString[]): { addresses: GuestAddr[]; end: GuestAddr } {
    const addresses: GuestAddr[] = [];
    let address = start;
    for (const text of texts) {
      addresses.push(address);
      const offset = address - this.base;
      for (let i = 0; i < text.length; i++) this.image[offset + i] = text.charCodeAt(i);
      address += text.length + 1;
    }
    return { addresses, end: address };
  }
}

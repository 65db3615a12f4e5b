/** Machine code of our own in the kernel's process: for the few instructions that no host call stands for (cpuid, rdtsc). */
import { KernelBug } from '../base/assert.js';
import { isErr, type HostAddr } from '../base/brands.js';
import { bind, viewOf } from './libc.js';

const mmap = bind('mmap', 'intptr_t', ['intptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']);
const mprotect = bind('mprotect', 'int', ['intptr_t', 'size_t', 'int']);

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const PAGE = 4096;

/** Puts code into executable memory, where it stays for the life of this process. */
export function loadMachineCode(code: Uint8Array): HostAddr {
  const length = Math.ceil(code.length / PAGE) * PAGE;
  const address = mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (isErr(address)) throw new KernelBug(`no memory for machine code: errno ${-address}`);
  new Uint8Array(viewOf(address, length)).set(code);
  if (isErr(mprotect(address, length, PROT_READ | PROT_EXEC))) throw new KernelBug('the host forbids executable memory');
  return address;
}

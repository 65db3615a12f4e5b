/** System call number -> definition. One line each, nothing else. */
import { NR } from '../abi/syscall-numbers.js';
import type { SyscallDefinition } from '../kernel/syscall.js';

export const SYSCALL_TABLE: Readonly<Record<number, SyscallDefinition>> = {
  // One line each, in the order of the numbers: [NR.read]: read,
};
void NR;

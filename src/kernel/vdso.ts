/** The vDSO (Linux: arch/x86/entry/vdso). */
import type { Errno, GuestAddr } from '../base/brands.js';
import type { AddressSpace } from '../mm/address-space.js';
import type { Machine } from './machine.js';

/** Maps it; 0: none, the program makes real calls. */
export function mapVdso(_machine: Machine, _mm: AddressSpace): GuestAddr | Errno {
  return 0;
}

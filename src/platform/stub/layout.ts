/**
 * Where the stub lies in every stub process (UML: STUB_CODE, STUB_DATA in as-layout.h). All of it is physmem, mapped MAP_SHARED.
 *
 *   0x7f80_0000_0000  TASK_SIZE: the guest ends here, on a page-directory boundary
 *   0x7fc0_0000_0000  STUB_REQUEST  1 page   r--  kernel -> stub: operations; a guest cannot alter a batch while it runs
 *   0x7fc0_0000_1000  STUB_CODE     1 page   r-x  one frame for all stub processes
 *   0x7fc0_0001_0000  STUB_DATA[0]  stride   rw-  one per guest thread
 *   ...               STUB_DATA[n]           rw-
 *   0x7fff_ffff_f000  end of user space on the host
 *
 * Request, code and the first data pages share one page table, so that a clone has one to copy.
 *
 *   STUB_DATA[n]   +0    faultinfo: address, error code, trap number (8 bytes each)
 *                  +64   alternate signal stack, grows down from the end
 */
import { struct, u64 } from '../../base/struct.js';

export const STUB_REQUEST = 0x7fc0_0000_0000;
export const STUB_CODE = STUB_REQUEST + 0x1000;
export const STUB_DATA = STUB_REQUEST + 0x10000;
/** End of user space on a host with four-level page tables; five-level ones give no more unless asked. */
export const HOST_TASK_SIZE = 0x7fff_ffff_f000;

/** Threads in one stub process; keeps STUB_DATA within its 256 GiB. */
export const MAX_STUB_THREADS = 32768;

export const FAULT_INFO = struct('faultinfo', { address: u64, errorCode: u64, trapNumber: u64 }, 24);
export const ALTERNATE_STACK_OFFSET = 64;

/** Bytes of one STUB_DATA, a power of two: room for the largest signal frame that the CPU makes (AT_MINSIGSTKSZ). */
export function stubDataStride(minSignalStackBytes: number): number {
  let stride = 8192;
  while (stride < ALTERNATE_STACK_OFFSET + minSignalStackBytes + 1024) stride *= 2;
  return stride;
}

export function stubDataAddress(slot: number, stride: number): number {
  return STUB_DATA + slot * stride;
}

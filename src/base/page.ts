/** Page arithmetic. Addresses and lengths are numbers below 2^53, so no bit operations on them. */
export const PAGE_SIZE = 4096;

export function pageDown(address: number): number {
  return address - (address % PAGE_SIZE);
}

export function pageUp(address: number): number {
  return pageDown(address + PAGE_SIZE - 1);
}

/** The host's auxiliary vector (getauxval(3)): what the CPU offers, as the host kernel tells programs. */
import { bind } from './libc.js';

const getauxvalCall = bind('getauxval', 'int64_t', ['uint64_t']);

/** Value of an AT_* entry; 0 when the host has none. */
export function getauxval(type: number): number {
  return getauxvalCall(type);
}

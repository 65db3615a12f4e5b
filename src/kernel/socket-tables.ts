/** Tables of sockets for /proc/net: each address family that is implemented registers its own. */
import type { ByteString } from '../base/brands.js';
import type { Machine } from './machine.js';

const tables = new Map<string, (machine: Machine) => ByteString>();

/** `name`: of the file in /proc/net. */
export function registerSocketTable(name: string, text: (machine: Machine) => ByteString): void {
  tables.set(name, text);
}

export function socketTable(name: string): ((machine: Machine) => ByteString) | undefined {
  return tables.get(name);
}

/** Tables of sockets and interfaces for /proc/net: each part of the network registers its own. */
import type { ByteString } from '../base/brands.js';
import type { Machine } from './machine.js';
import type { NetNamespace } from './net-namespace.js';

/** Text of a file in /proc/net, as seen from a network namespace. */
export type SocketTable = (net: NetNamespace, machine: Machine) => ByteString;

const tables = new Map<string, SocketTable>();

/** `name`: of the file in /proc/net. */
export function registerSocketTable(name: string, text: SocketTable): void {
  tables.set(name, text);
}

export function socketTable(name: string): SocketTable | undefined {
  return tables.get(name);
}

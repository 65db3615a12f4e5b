/** Who is told of changes to a network (Linux: rtnl_notify, netlink_broadcast): sockets that joined a multicast group. */
import type { Errno } from '../../base/brands.js';
import type { NetNamespace } from '../../kernel/net-namespace.js';
import { message } from './messages.js';

export interface Listener {
  /** Bit n-1: member of group n. */
  readonly groups: number;
  deliver(bytes: Uint8Array): 0 | Errno;
}

const listeners = new WeakMap<NetNamespace, Set<Listener>>();

/** Sockets of the network that have joined any group. */
export function listenersOf(net: NetNamespace): Set<Listener> {
  let set = listeners.get(net);
  if (!set) {
    set = new Set();
    listeners.set(net, set);
  }
  return set;
}

export function notify(net: NetNamespace, group: number, type: number, payload: Uint8Array): void {
  const told = listeners.get(net);
  if (!told || told.size === 0) return;
  const bytes = message(type, 0, 0, 0, payload);
  for (const listener of told) if (((listener.groups >>> (group - 1)) & 1) !== 0) listener.deliver(bytes);
}

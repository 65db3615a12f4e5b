/**
 * The ports of one network namespace, and where addresses lead from it (Linux: struct net, net/ipv4/route.c). Its own addresses are
 * reached over the loopback interface, those of another namespace by a veth pair; there is nothing beyond.
 */
import type { Errno } from '../../base/brands.js';
import { EADDRNOTAVAIL, ENETUNREACH } from '../../abi/errno.js';
import { LOOPBACK4, LOOPBACK6, type NetNamespace } from '../../kernel/net-namespace.js';
import type { Task } from '../../kernel/task.js';
import { ANY4, ANY6 } from './address.js';
import type { InetSocket } from './inet-socket.js';
import { PortTable } from './ports.js';
import type { RawSocket } from './raw-socket.js';

/** Where packets to a host go, and whose they are: undefined: nobody has the address. */
export interface Route {
  readonly stack: InetStack | undefined;
  readonly host: string;
  /** The sender's address, if it has not been bound to one. */
  readonly source: string;
}

export class InetStack {
  readonly tcp: PortTable<InetSocket>;
  readonly udp: PortTable<InetSocket>;
  readonly udplite: PortTable<InetSocket>;
  /** By identifier. */
  readonly pings: PortTable<InetSocket>;
  readonly raws = new Set<RawSocket>();
  /** Raw sockets have no ports: empty. */
  readonly rawPorts: PortTable<InetSocket>;

  constructor(readonly net: NetNamespace) {
    this.tcp = new PortTable(net);
    this.udp = new PortTable(net);
    this.udplite = new PortTable(net);
    this.pings = new PortTable(net);
    this.rawPorts = new PortTable(net);
  }

  /** The unspecified address means this machine. ENETUNREACH: no interface leads there. */
  route(wanted: string): Route | Errno {
    const host = wanted === ANY4 ? LOOPBACK4 : wanted === ANY6 ? LOOPBACK6 : wanted;
    const { net } = this;
    if (net.isLocal(host)) {
      const source = host.startsWith('127.') && net.isLocal(LOOPBACK4) ? LOOPBACK4 : net.sourceFor(host);
      return { stack: this, host, source };
    }
    const way = net.routeFor(host);
    if (!way) return host === LOOPBACK6 ? EADDRNOTAVAIL : ENETUNREACH;
    const other = way.device.hasCarrier ? way.device.peer?.net : undefined;
    return { stack: other?.isLocal(host) ? stackOf(other) : undefined, host, source: way.source };
  }
}

const stacks = new WeakMap<NetNamespace, InetStack>();

export function stackOf(net: NetNamespace): InetStack {
  let stack = stacks.get(net);
  if (!stack) {
    stack = new InetStack(net);
    stacks.set(net, stack);
  }
  return stack;
}

export function stackOfTask(task: Task): InetStack {
  return stackOf(task.nsproxy.net);
}

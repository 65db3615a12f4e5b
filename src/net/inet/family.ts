/** AF_INET and AF_INET6 as address families: TCP and UDP between the processes of this machine. */
import type { Errno } from '../../base/brands.js';
import { EINVAL, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT } from '../../abi/errno.js';
import { CAP_NET_RAW } from '../../abi/capability.js';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_MAX, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from '../../abi/inet.js';
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import { capableIn } from '../../vfs/credentials.js';
import { registerFamily, type Socket } from '../socket.js';
import { registerInetTables } from './socket-tables.js';
import { stackOfTask } from './stack.js';
import { PingSocket } from './ping-socket.js';
import { RawSocket } from './raw-socket.js';
import { TcpSocket } from './tcp-socket.js';
import { UdpSocket } from './udp-socket.js';

function mayBeRaw(task: Task): boolean {
  return capableIn(task.cred, task.nsproxy.net.owner!, CAP_NET_RAW);
}

function create(family: number, task: Task, type: number, protocol: number): Socket | Errno {
  if (protocol < 0 || protocol >= IPPROTO_MAX) return EINVAL;
  switch (type) {
    case SOCK_STREAM:
      if (protocol !== IPPROTO_IP && protocol !== IPPROTO_TCP) return EPROTONOSUPPORT;
      return new TcpSocket(task, stackOfTask(task), family);
    case SOCK_DGRAM:
      if (protocol === (family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
        return new PingSocket(task, stackOfTask(task), family, protocol);
      if (protocol !== IPPROTO_IP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_UDPLITE) return EPROTONOSUPPORT;
      return new UdpSocket(task, stackOfTask(task), family, protocol === IPPROTO_UDPLITE ? IPPROTO_UDPLITE : IPPROTO_UDP);
    case SOCK_RAW:
      if (protocol === IPPROTO_IP) return EPROTONOSUPPORT;
      return mayBeRaw(task) ? new RawSocket(task, stackOfTask(task), family, protocol) : EPERM;
    default:
      return ESOCKTNOSUPPORT;
  }
}

/** Makes AF_INET and AF_INET6 known. */
export function registerInet(): void {
  registerInetTables();
  for (const family of [AF_INET, AF_INET6]) {
    registerFamily(family, { create: (task, type, protocol) => create(family, task, type, protocol) });
  }
}

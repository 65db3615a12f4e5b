/** /proc/net/{tcp,udp,tcp6,udp6} (Linux: net/ipv4/tcp_ipv4.c, tcp4_seq_show; proc(5)). */
import { AF_INET, AF_INET6 } from '../../abi/socket.js';
import { registerSocketTable, type SocketTable } from '../../kernel/socket-tables.js';
import { encodeAddress, type Endpoint } from './address.js';
import type { InetSocket } from './inet-socket.js';
import type { PortTable } from './ports.js';
import { stackOf, type InetStack } from './stack.js';

const NOWHERE4: Endpoint = { host: '0.0.0.0', port: 0 };

function place(family: number, endpoint: Endpoint): string {
  const bytes = encodeAddress(family, endpoint);
  const host = family === AF_INET ? bytes.subarray(4, 8) : bytes.subarray(8, 24);
  let text = '';
  // Words as a little-endian machine prints them.
  for (let i = 0; i < host.length; i += 4)
    text += Buffer.from(host.subarray(i, i + 4))
      .reverse()
      .toString('hex');
  return `${text.toUpperCase()}:${endpoint.port.toString(16).toUpperCase().padStart(4, '0')}`;
}

function table(family: number, choose: (stack: InetStack) => PortTable<InetSocket>): SocketTable {
  return (net) => {
    let text = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
    let line = 0;
    for (const socket of choose(stackOf(net)).owners()) {
      if (socket.family !== family) continue;
      const state = socket.stateNumber.toString(16).toUpperCase().padStart(2, '0');
      text +=
        `${String(line++).padStart(4)}: ${place(family, socket.local!)} ${place(family, socket.remote ?? NOWHERE4)} ${state} ` +
        `00000000:00000000 00:00000000 00000000 ${String(socket.inode.uid).padStart(5)}        0 ${socket.inode.ino} 1 0000000000000000 0\n`;
    }
    return text;
  };
}

export function registerInetTables(): void {
  registerSocketTable(
    'tcp',
    table(AF_INET, (stack) => stack.tcp),
  );
  registerSocketTable(
    'tcp6',
    table(AF_INET6, (stack) => stack.tcp),
  );
  registerSocketTable(
    'udp',
    table(AF_INET, (stack) => stack.udp),
  );
  registerSocketTable(
    'udp6',
    table(AF_INET6, (stack) => stack.udp),
  );
  registerSocketTable(
    'udplite',
    table(AF_INET, (stack) => stack.udplite),
  );
  registerSocketTable(
    'udplite6',
    table(AF_INET6, (stack) => stack.udplite),
  );
}

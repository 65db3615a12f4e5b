/** /proc/net/{dev,if_inet6,route} (Linux: net/core/net-procfs.c, net/ipv6/addrconf.c, net/ipv4/fib_trie.c; proc(5)). */
import { IFF_UP, RT_SCOPE_HOST, RT_SCOPE_LINK } from '../abi/netlink.js';
import { AF_INET, AF_INET6 } from '../abi/socket.js';
import type { NetDevice, NetNamespace } from '../kernel/net-namespace.js';
import { registerSocketTable } from '../kernel/socket-tables.js';

const DEVICES =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
const NO_COUNTERS = '       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0';
const ROUTES = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const ROUTE_WIDTH = 127;
const RTF_UP = 1;
const RTF_GATEWAY = 2;

function devices({ devices }: NetNamespace): string {
  return DEVICES + [...devices.values()].map(({ name }) => `${name.padStart(6)}:${NO_COUNTERS}\n`).join('');
}

const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');

function inet6Addresses({ devices }: NetNamespace): string {
  let text = '';
  for (const { index, name, addresses } of devices.values())
    for (const { family, host, prefixLength, scope } of addresses) {
      if (family !== AF_INET6) continue;
      const kind = scope === RT_SCOPE_HOST ? 0x10 : scope === RT_SCOPE_LINK ? 0x20 : 0;
      text += `${host} ${hex(index, 2)} ${hex(prefixLength, 2)} ${hex(kind, 2)} 80 ${name.padStart(8)}\n`;
    }
  return text;
}

/** An IPv4 address as a little-endian machine prints the word. */
function word(host: string): string {
  return Buffer.from(host.split('.').map(Number)).reverse().toString('hex').toUpperCase();
}

function maskOf(length: number): string {
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}

/** The network that an address is in. */
function networkOf(host: string, length: number): string {
  const mask = maskOf(length).split('.').map(Number);
  return host
    .split('.')
    .map((part, index) => Number(part) & mask[index]!)
    .join('.');
}

function routeLine(device: NetDevice, to: string, length: number, gateway: string | undefined, metric: number): string {
  const flags = RTF_UP | (gateway === undefined ? 0 : RTF_GATEWAY);
  const fields = [device.name, word(networkOf(to, length)), word(gateway ?? '0.0.0.0'), hex(flags, 4).toUpperCase()];
  const line = `${fields.join('\t')}\t0\t0\t${metric}\t${word(maskOf(length))}\t0\t0\t0`;
  return `${line.padEnd(ROUTE_WIDTH)}\n`;
}

function routes(net: NetNamespace): string {
  let text = `${ROUTES.padEnd(ROUTE_WIDTH)}\n`;
  for (const { family, host, prefixLength, gateway, device, metric } of net.routes)
    if (family === AF_INET) text += routeLine(device, host ?? '0.0.0.0', prefixLength, gateway, metric);
  for (const device of net.devices.values()) {
    if ((device.flags & IFF_UP) === 0 || device.kind === 'loopback') continue;
    for (const { family, peer, prefixLength } of device.addresses)
      if (family === AF_INET && prefixLength < 32) text += routeLine(device, peer, prefixLength, undefined, 0);
  }
  return text;
}

export function registerDeviceTables(): void {
  registerSocketTable('dev', devices);
  registerSocketTable('if_inet6', inet6Addresses);
  registerSocketTable('route', routes);
}

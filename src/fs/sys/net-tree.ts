/** /sys/class/net and /sys/devices/virtual/net (Linux: net/core/net-sysfs.c): the interfaces of one network, as they are at the moment. */
import type { NetDevice, NetNamespace } from '../../kernel/net-namespace.js';
import { ChangingTree, LinkTo, type TextTree } from './text-tree.js';

const OPERATIONAL_STATES: Readonly<Record<number, string>> = { 2: 'down', 3: 'lowerlayerdown', 6: 'up' };
const COUNTERS: TextTree = Object.fromEntries(
  ['collisions', 'multicast', ...['bytes', 'packets', 'errors', 'dropped'].flatMap((name) => [`rx_${name}`, `tx_${name}`])].map((name) => [
    name,
    0,
  ]),
);

const macText = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

/** A value as it is when it is read. */
const now =
  (value: () => string | number): (() => string) =>
  () =>
    `${value()}\n`;

function device(device: NetDevice): TextTree {
  return {
    addr_assign_type: 0,
    addr_len: 6,
    address: now(() => macText(device.hardwareAddress)),
    broadcast: macText(device.hardwareBroadcast),
    carrier: now(() => (device.isUp && device.hasCarrier ? 1 : 0)),
    dev_id: '0x0',
    dev_port: 0,
    dormant: 0,
    flags: now(() => `0x${device.flags.toString(16)}`),
    ifalias: '',
    ifindex: now(() => device.index),
    iflink: now(() => device.peer?.index ?? device.index),
    link_mode: 0,
    mtu: now(() => device.mtu),
    name_assign_type: device.kind === 'loopback' ? 2 : 3,
    netdev_group: now(() => device.group),
    operstate: now(() => OPERATIONAL_STATES[device.operationalState] ?? 'unknown'),
    proto_down: 0,
    statistics: COUNTERS,
    tx_queue_len: now(() => device.txQueueLength),
    type: device.hardwareType,
    uevent: now(() => `INTERFACE=${device.name}\nIFINDEX=${device.index}`),
  };
}

function byName<T>(net: NetNamespace, make: (device: NetDevice) => T): Record<string, T> {
  return Object.fromEntries([...net.devices.values()].map((each) => [each.name, make(each)]));
}

export function networkDevices(net: NetNamespace): ChangingTree {
  return new ChangingTree(
    () => [...net.devices.values()].map(({ index, name }) => `${index} ${name}`).join(),
    () => byName(net, device),
  );
}

export function networkLinks(net: NetNamespace): ChangingTree {
  return new ChangingTree(
    () => [...net.devices.values()].map(({ name }) => name).join(),
    () => byName(net, ({ name }) => new LinkTo(`../../devices/virtual/net/${name}`)),
  );
}

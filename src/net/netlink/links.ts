/** RTM_GETLINK, NEWLINK, SETLINK and DELLINK (Linux: net/core/rtnetlink.c, drivers/net/{dummy,veth}.c; rtnetlink(7)). */
import { isErr, type Errno } from '../../base/brands.js';
import { EBUSY, EEXIST, EINVAL, ENODEV, ENOSPC, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.js';
import { CAP_NET_ADMIN } from '../../abi/capability.js';
import {
  IFF_UP,
  IFINFOMSG,
  IFLA_ADDRESS,
  IFLA_BROADCAST,
  IFLA_CARRIER,
  IFLA_GROUP,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_LINKMODE,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_NET_NS_PID,
  IFLA_NUM_TX_QUEUES,
  IFLA_OPERSTATE,
  IFLA_PROMISCUITY,
  IFLA_QDISC,
  IFLA_STATS,
  IFLA_STATS64,
  IFLA_TXQLEN,
  IFNAMSIZ,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTNLGRP_LINK,
  VETH_INFO_PEER,
  type Ifinfomsg,
} from '../../abi/netlink.js';
import { fileOf } from '../../kernel/task-files.js';
import { MAX_DEVICES, NetNamespace, type NetDevice } from '../../kernel/net-namespace.js';
import type { Task } from '../../kernel/task.js';
import { capableIn } from '../../vfs/credentials.js';
import { NamespaceFile } from '../../fs/nsfs.js';
import { notify } from './listeners.js';
import { attribute, Attributes, concat, text, u32, viewOf } from './messages.js';

const MIN_MTU = 68;
const MAX_MTU = 65535;

export function linkPayload(device: NetDevice): Uint8Array {
  const info = new Uint8Array(IFINFOMSG.size);
  const { index, kind, shownFlags } = device;
  IFINFOMSG.write(viewOf(info), 0, { family: 0, pad: 0, type: device.hardwareType, index, flags: shownFlags, change: 0 });
  const { peer } = device;
  return concat([
    info,
    attribute(IFLA_IFNAME, text(device.name)),
    attribute(IFLA_TXQLEN, u32(device.txQueueLength)),
    attribute(IFLA_OPERSTATE, Uint8Array.of(device.operationalState)),
    attribute(IFLA_LINKMODE, Uint8Array.of(0)),
    attribute(IFLA_MTU, u32(device.mtu)),
    attribute(IFLA_GROUP, u32(device.group)),
    attribute(IFLA_PROMISCUITY, u32(0)),
    attribute(IFLA_NUM_TX_QUEUES, u32(1)),
    ...(peer ? [attribute(IFLA_LINK, u32(peer.index))] : []),
    attribute(IFLA_CARRIER, Uint8Array.of(device.isUp && device.hasCarrier ? 1 : 0)),
    attribute(IFLA_QDISC, text(device.wasUp ? 'noqueue' : 'noop')),
    attribute(IFLA_ADDRESS, device.hardwareAddress),
    attribute(IFLA_BROADCAST, device.hardwareBroadcast),
    attribute(IFLA_STATS, new Uint8Array(96)),
    attribute(IFLA_STATS64, new Uint8Array(192)),
    ...(kind === 'loopback' ? [] : [attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text(kind)))]),
  ]);
}

function notifyLink(device: NetDevice, type = RTM_NEWLINK): void {
  notify(device.net, RTNLGRP_LINK, type, linkPayload(device));
}

/** The interface that a request is about, by index or else by name. */
function named(net: NetNamespace, info: Ifinfomsg, attributes: Attributes): NetDevice | Errno {
  if (info.index > 0) return net.devices.get(info.index) ?? ENODEV;
  const name = attributes.text(IFLA_IFNAME);
  if (name === undefined) return EINVAL;
  return net.device(name) ?? ENODEV;
}

function read(payload: Uint8Array): [Ifinfomsg, Attributes] | Errno {
  if (payload.length < IFINFOMSG.size) return EINVAL;
  return [IFINFOMSG.read(viewOf(payload), 0), new Attributes(payload.subarray(IFINFOMSG.size))];
}

export function getLink(net: NetNamespace, payload: Uint8Array): NetDevice | Errno {
  const request = read(payload);
  return isErr(request) ? request : named(net, request[0], request[1]);
}

export function newLink(task: Task, net: NetNamespace, flags: number, payload: Uint8Array): 0 | Errno {
  const request = read(payload);
  if (isErr(request)) return request;
  const [info, attributes] = request;
  const name = attributes.text(IFLA_IFNAME);
  if (name !== undefined && !isGoodName(name) && name !== '') return EINVAL;
  const device = info.index > 0 || name ? named(net, info, attributes) : ENODEV;
  if (!isErr(device)) {
    if ((flags & NLM_F_EXCL) !== 0) return EEXIST;
    return change(task, device as NetDevice, info, attributes);
  }
  if ((flags & NLM_F_CREATE) === 0) return device;
  return create(task, net, info, attributes);
}

export function setLink(task: Task, net: NetNamespace, payload: Uint8Array): 0 | Errno {
  const request = read(payload);
  if (isErr(request)) return request;
  const device = named(net, request[0], request[1]);
  return isErr(device) ? device : change(task, device as NetDevice, request[0], request[1]);
}

export function deleteLink(net: NetNamespace, payload: Uint8Array): 0 | Errno {
  const device = getLink(net, payload);
  if (isErr(device)) return device;
  const { kind, peer } = device as NetDevice;
  if (kind === 'loopback') return EOPNOTSUPP;
  notifyLink(device as NetDevice, RTM_DELLINK);
  if (peer) notifyLink(peer, RTM_DELLINK);
  net.remove(device as NetDevice);
  return 0;
}

/** Linux: dev_valid_name. */
function isGoodName(name: string): boolean {
  return name.length < IFNAMSIZ && name !== '' && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/** The namespace that an interface shall go to. */
function targetOf(task: Task, attributes: Attributes, own: NetNamespace): NetNamespace | Errno {
  const pid = attributes.number(IFLA_NET_NS_PID);
  const fd = attributes.number(IFLA_NET_NS_FD);
  if (pid === undefined && fd === undefined) return own;
  let target: NetNamespace | undefined;
  if (pid !== undefined) target = task.machine.tasks.get(task.group.pidNs.globalOf(pid))?.nsproxy.net;
  else {
    const file = fileOf(task, fd!);
    if (isErr(file)) return file;
    target = file instanceof NamespaceFile && file.namespace instanceof NetNamespace ? file.namespace : undefined;
    if (!target) return EINVAL;
  }
  if (!target) return ESRCH;
  return capableIn(task.cred, target.owner!, CAP_NET_ADMIN) ? target : EPERM;
}

function change(task: Task, device: NetDevice, info: Ifinfomsg, attributes: Attributes): 0 | Errno {
  const target = targetOf(task, attributes, device.net);
  if (isErr(target)) return target;
  const name = attributes.text(IFLA_IFNAME) || device.name;
  const checked = check(device, target as NetNamespace, name, attributes);
  if (checked !== 0) return checked;
  if (target !== device.net) {
    notifyLink(device, RTM_DELLINK);
    device.net.moveTo(device, target as NetNamespace, name);
  }
  device.name = name;
  apply(device, attributes);
  if (info.flags !== 0 || info.change !== 0) {
    const mask = info.change === 0 ? IFF_UP : info.change;
    if ((mask & IFF_UP) !== 0) device.setUp((info.flags & IFF_UP) !== 0);
  }
  notifyLink(device);
  return 0;
}

/** Whether all that is asked for can be done. */
function check(device: NetDevice, target: NetNamespace, name: string, attributes: Attributes): 0 | Errno {
  const isMoved = target !== device.net;
  if (isMoved && device.kind === 'loopback') return EINVAL;
  if (isMoved && (target.devices.size >= MAX_DEVICES || !target.hasRoom)) return ENOSPC;
  if (!isGoodName(name)) return EINVAL;
  if ((isMoved || name !== device.name) && target.device(name)) return EEXIST;
  const mtu = attributes.number(IFLA_MTU);
  if (mtu !== undefined && device.kind !== 'loopback' && (mtu < MIN_MTU || mtu > MAX_MTU)) return EINVAL;
  if (mtu !== undefined && mtu > 0x7fffffff) return EINVAL;
  const address = attributes.bytes(IFLA_ADDRESS);
  if (address && (address.length < 6 || device.kind === 'loopback')) return device.kind === 'loopback' ? EOPNOTSUPP : EINVAL;
  return address && device.isUp && device.kind === 'dummy' ? EBUSY : 0;
}

function apply(device: NetDevice, attributes: Attributes): void {
  device.mtu = attributes.number(IFLA_MTU) ?? device.mtu;
  device.txQueueLength = attributes.number(IFLA_TXQLEN) ?? device.txQueueLength;
  device.group = attributes.number(IFLA_GROUP) ?? device.group;
  const address = attributes.bytes(IFLA_ADDRESS);
  if (address) device.hardwareAddress = address.slice(0, 6);
}

function create(task: Task, net: NetNamespace, info: Ifinfomsg, attributes: Attributes): 0 | Errno {
  const linkInfo = attributes.nested(IFLA_LINKINFO);
  const kind = linkInfo.text(IFLA_INFO_KIND);
  if (kind !== 'dummy' && kind !== 'veth') return EOPNOTSUPP;
  const own = targetOf(task, attributes, net);
  if (isErr(own)) return own;
  // The other end of a pair is made first, and has the smaller index.
  const peer = kind === 'veth' ? createPeer(task, net, linkInfo.nested(IFLA_INFO_DATA).bytes(VETH_INFO_PEER)) : undefined;
  if (isErr(peer)) return peer;
  const device = add(task, own as NetNamespace, kind, attributes);
  if (isErr(device)) {
    if (peer) (peer as NetDevice).net.remove(peer as NetDevice);
    return device;
  }
  const made = device as NetDevice;
  if (peer) {
    made.peer = peer as NetDevice;
    made.peer.peer = made;
    notifyLink(made.peer);
  }
  if ((info.flags & IFF_UP) !== 0) made.setUp(true);
  notifyLink(made);
  return 0;
}

/** The other end of a veth pair: struct ifinfomsg and attributes of its own. */
function createPeer(task: Task, net: NetNamespace, payload: Uint8Array | undefined): NetDevice | Errno {
  const attributes = new Attributes(payload?.subarray(IFINFOMSG.size) ?? new Uint8Array(0));
  const target = targetOf(task, attributes, net);
  return isErr(target) ? target : add(task, target as NetNamespace, 'veth', attributes);
}

function add(task: Task, net: NetNamespace, kind: 'dummy' | 'veth', attributes: Attributes): NetDevice | Errno {
  if (net.devices.size >= MAX_DEVICES || !net.hasRoom) return ENOSPC;
  const asked = attributes.text(IFLA_IFNAME) || `${kind}%d`;
  const name = asked.includes('%d') ? net.freeName(asked) : asked;
  if (!isGoodName(name)) return EINVAL;
  if (net.device(name)) return EEXIST;
  const device = net.addDevice(kind, name);
  task.machine.randomBytes(device.hardwareAddress);
  // Locally administered, and no multicast address.
  device.hardwareAddress[0] = (device.hardwareAddress[0]! & 0xfe) | 2;
  const checked = check(device, net, name, attributes);
  if (checked !== 0) {
    net.remove(device);
    return checked;
  }
  apply(device, attributes);
  return device;
}

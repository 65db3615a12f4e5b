/** NETLINK_ROUTE requests (Linux: net/core/rtnetlink.c, rtnetlink_rcv_msg; rtnetlink(7)): links, addresses and routes. */
import { isErr, type Errno } from '../../base/brands.js';
import { EOPNOTSUPP, EPERM } from '../../abi/errno.js';
import { CAP_NET_ADMIN } from '../../abi/capability.js';
import {
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLMSG_DONE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETNSID,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNSID,
  RTM_NEWROUTE,
  RTM_SETLINK,
} from '../../abi/netlink.js';
import type { NetDevice, NetNamespace } from '../../kernel/net-namespace.js';
import type { Task } from '../../kernel/task.js';
import { capableIn } from '../../vfs/credentials.js';
import { deleteAddress, listAddresses, newAddress } from './addresses.js';
import { deleteLink, getLink, linkPayload, newLink, setLink } from './links.js';
import { attribute, concat, message, u32 } from './messages.js';
import { deleteRoute, findRoute, listRoutes, newRoute } from './routes.js';

/** Of each group of four the third asks, the others change. */
const RTM_BASE = 16;
const RTM_MAX = 123;
/** Bytes of a dump in one message, as readers have buffers for. */
const DUMP_BYTES = 8192;

/** struct rtgenmsg, and NETNSA_NSID: networks have no numbers for each other here. */
const NO_NSID = concat([new Uint8Array(4), attribute(1, u32(0xffffffff))]);

/** One request, its header read. */
export interface RouteRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What a dump lists, as the type of its messages and their payloads. */
function listing(net: NetNamespace, { type, payload }: RouteRequest): readonly [number, Uint8Array[]] | Errno {
  const family = payload[0] ?? 0;
  switch (type) {
    case RTM_GETLINK:
      return [RTM_NEWLINK, [...net.devices.values()].map(linkPayload)];
    case RTM_GETADDR:
      return [RTM_NEWADDR, listAddresses(net, family)];
    case RTM_GETROUTE:
      return [RTM_NEWROUTE, listRoutes(net, family)];
    case RTM_GETNSID:
    case RTM_GETNEIGH:
      return [type, []];
    default:
      return EOPNOTSUPP;
  }
}

function dump(net: NetNamespace, request: RouteRequest, port: number): Uint8Array[] | Errno {
  const listed = listing(net, request);
  if (isErr(listed)) return listed;
  const [type, payloads] = listed;
  const answers: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for (const payload of payloads) {
    const part = message(type, NLM_F_MULTI, request.sequence, port, payload);
    if (bytes + part.length > DUMP_BYTES && parts.length > 0) {
      answers.push(concat(parts));
      parts = [];
      bytes = 0;
    }
    parts.push(part);
    bytes += part.length;
  }
  if (parts.length > 0) answers.push(concat(parts));
  return [...answers, message(NLMSG_DONE, NLM_F_MULTI, request.sequence, port, u32(0))];
}

function change(task: Task, net: NetNamespace, { type, flags, payload }: RouteRequest): 0 | Errno {
  switch (type) {
    case RTM_NEWLINK:
      return newLink(task, net, flags, payload);
    case RTM_SETLINK:
      return setLink(task, net, payload);
    case RTM_DELLINK:
      return deleteLink(net, payload);
    case RTM_NEWADDR:
      return newAddress(net, flags, payload);
    case RTM_DELADDR:
      return deleteAddress(net, payload);
    case RTM_NEWROUTE:
      return newRoute(net, flags, payload);
    case RTM_DELROUTE:
      return deleteRoute(net, payload);
    default:
      return EOPNOTSUPP;
  }
}

/** Answers a request: its messages; 0: it is done; or the error that it gets. */
export function answerRoute(task: Task, net: NetNamespace, request: RouteRequest, port: number): Uint8Array[] | 0 | Errno {
  const { type, flags, sequence, payload } = request;
  if (type < RTM_BASE || type > RTM_MAX) return EOPNOTSUPP;
  if ((type & 3) !== 2) return capableIn(task.cred, net.owner!, CAP_NET_ADMIN) ? change(task, net, request) : EPERM;
  if ((flags & NLM_F_DUMP) !== 0) return dump(net, request, port);
  if (type === RTM_GETROUTE) {
    const found = findRoute(net, payload);
    return isErr(found) ? found : [message(RTM_NEWROUTE, 0, sequence, port, found as Uint8Array)];
  }
  if (type === RTM_GETNSID) return [message(RTM_NEWNSID, 0, sequence, port, NO_NSID)];
  if (type !== RTM_GETLINK) return EOPNOTSUPP;
  const device = getLink(net, payload);
  return isErr(device) ? device : [message(RTM_NEWLINK, 0, sequence, port, linkPayload(device as NetDevice))];
}

/**
 * /proc/PID/net (proc(5); Linux: net/core/net-procfs.c, net/ipv4/proc.c): sockets of the families that there are, and
 * interfaces. Protocols that the machine does not speak have tables without rows.
 */
import type { ByteString } from '../../base/brands.js';
import { socketTable } from '../../kernel/socket-tables.js';
import type { Task } from '../../kernel/task.js';

const TCP =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n';
const TCP6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const UDP =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n';
const UDP6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const SNMP =
  'Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards ' +
  'OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits\n' +
  `Ip: 2 64${' 0'.repeat(18)}\n` +
  'Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs ' +
  'OutRsts InCsumErrors\n' +
  `Tcp: 1 200 120000 -1${' 0'.repeat(11)}\n` +
  'Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors\n' +
  `Udp:${' 0'.repeat(9)}\n`;

const EMPTY: Readonly<Record<string, ByteString>> = {
  arp: 'IP address       HW type     Flags       HW address            Mask     Device\n',
  dev: '',
  dev_mcast: '',
  if_inet6: '',
  igmp: 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n',
  ipv6_route: '',
  netlink: 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode            \n',
  netstat: 'TcpExt: SyncookiesSent\nTcpExt: 0\nIpExt: InNoRoutes\nIpExt: 0\n',
  packet: 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n',
  protocols: 'protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br ha uh gp em\n',
  psched: '000003e8 00000040 000f4240 3b9aca00\n',
  ptype: 'Type Device      Function\n',
  raw: UDP,
  raw6: UDP6,
  route: '',
  snmp: SNMP,
  snmp6: '',
  sockstat:
    'sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n',
  sockstat6: 'TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n',
  tcp: TCP,
  tcp6: TCP6,
  udp: UDP,
  udp6: UDP6,
  udplite: UDP,
  udplite6: UDP6,
  unix: 'Num       RefCount Protocol Flags    Type St Inode Path\n',
};

export const NET_NAMES: readonly ByteString[] = Object.keys(EMPTY);

/** As the network of `task` has it. */
export function netText(task: Task, name: ByteString): ByteString {
  return socketTable(name)?.(task.nsproxy.net, task.machine) ?? EMPTY[name] ?? '';
}

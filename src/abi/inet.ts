/** Options and ancillary data of internet sockets (Linux: include/uapi/linux/in.h, in6.h, udp.h, errqueue.h, icmp.h). */
import { bytes, i32, struct, u32, u8, type StructOf } from '../base/struct.js';

export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_UDPLITE = 136;
export const IPPROTO_RAW = 255;
export const IPPROTO_MAX = 263;

export const SOL_IP = 0;
export const SOL_TCP = 6;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;
export const SOL_ICMPV6 = 58;
export const SOL_UDPLITE = 136;

export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_HDRINCL = 3;
export const IP_RECVOPTS = 6;
export const IP_RETOPTS = 7;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_RECVTTL = 12;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;
export const IP_FREEBIND = 15;
export const IP_TRANSPARENT = 19;
export const IP_RECVORIGDSTADDR = 20;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_MULTICAST_ALL = 49;
export const IP_UNICAST_IF = 50;
export const MCAST_JOIN_GROUP = 42;
export const MCAST_LEAVE_GROUP = 45;

export const IPV6_ADDRFORM = 1;
export const IPV6_2292PKTINFO = 2;
export const IPV6_CHECKSUM = 7;
export const IPV6_2292HOPLIMIT = 8;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_JOIN_GROUP = 20;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_HOPOPTS = 54;
export const IPV6_RTHDR = 57;
export const IPV6_DSTOPTS = 59;
export const IPV6_DONTFRAG = 62;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
export const IPV6_RECVORIGDSTADDR = 74;
export const IPV6_TRANSPARENT = 75;
export const IPV6_FREEBIND = 78;

export const TCP_NODELAY = 1;
export const TCP_CORK = 3;

export const UDP_CORK = 1;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
export const UDPLITE_SEND_CSCOV = 10;
export const UDPLITE_RECV_CSCOV = 11;

export const SO_EE_ORIGIN_ICMP = 2;
export const SO_EE_ORIGIN_ICMP6 = 3;
export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_ECHO = 8;
export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PORT_UNREACH = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;

export const IN_PKTINFO = struct('in_pktinfo', { ifindex: i32, specDst: bytes(4), addr: bytes(4) }, 12);
export type InPktinfo = StructOf<typeof IN_PKTINFO>;
export const IN6_PKTINFO = struct('in6_pktinfo', { addr: bytes(16), ifindex: u32 }, 20);
export const SOCK_EXTENDED_ERR = struct(
  'sock_extended_err',
  { errno: u32, origin: u8, type: u8, code: u8, pad: u8, info: u32, data: u32 },
  16,
);
export type SockExtendedErr = StructOf<typeof SOCK_EXTENDED_ERR>;

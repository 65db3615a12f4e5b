/** TCP_INFO (Linux: include/uapi/linux/tcp.h, struct tcp_info): a connection without losses and with hardly any delay. */
import type { InetSocket } from './inet-socket.js';

const TCP_INFO_SIZE = 232;
/** TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE */
const OPTIONS = 7;
const WINDOW_SCALES = 0x77;
const MSS = 65483;
const MTU = 65535;
const RTO_US = 201000;
const RTT_US = 30;
const WINDOW_SEGMENTS = 10;
const NO_THRESHOLD = 0x7fffffff;

const OFFSETS = { options: 5, scales: 6, rto: 8, ato: 12, sndMss: 16, rcvMss: 20, pmtu: 60, rcvSsthresh: 64, rtt: 68, rttvar: 72 } as const;
const MORE_OFFSETS = { sndSsthresh: 76, sndCwnd: 80, advmss: 84, reordering: 88, rcvSpace: 96 } as const;

export function tcpInfo(socket: InetSocket): Uint8Array {
  const bytes = new Uint8Array(TCP_INFO_SIZE);
  const view = new DataView(bytes.buffer);
  bytes[0] = socket.stateNumber;
  const put = (offset: number, value: number): void => view.setUint32(offset, value, true);
  const isOpen = socket.remote !== undefined;
  bytes[OFFSETS.options] = isOpen ? OPTIONS : 0;
  bytes[OFFSETS.scales] = isOpen ? WINDOW_SCALES : 0;
  put(OFFSETS.rto, isOpen ? RTO_US : 1e6);
  put(OFFSETS.ato, isOpen ? 40000 : 0);
  put(OFFSETS.sndMss, isOpen ? MSS : 536);
  put(OFFSETS.rcvMss, 536);
  put(OFFSETS.pmtu, isOpen ? MTU : 0);
  put(OFFSETS.rcvSsthresh, isOpen ? MSS : 0);
  put(OFFSETS.rtt, isOpen ? RTT_US : 0);
  put(OFFSETS.rttvar, isOpen ? RTT_US / 2 : 250000);
  put(MORE_OFFSETS.sndSsthresh, NO_THRESHOLD);
  put(MORE_OFFSETS.sndCwnd, WINDOW_SEGMENTS);
  put(MORE_OFFSETS.advmss, isOpen ? MSS : 536);
  put(MORE_OFFSETS.reordering, 3);
  put(MORE_OFFSETS.rcvSpace, isOpen ? MSS : 0);
  return bytes;
}

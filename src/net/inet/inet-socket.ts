/** What TCP and UDP sockets share (Linux: net/ipv4/af_inet.c, net/ipv6/af_inet6.c): addresses, ports, options, shutdown. */
import { isErr, type Errno } from '../../base/brands.js';
import { EAGAIN, EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENOTCONN, ENOTTY } from '../../abi/errno.js';
import { FIONREAD, TIOCOUTQ } from '../../abi/ioctls.js';
import { CAP_NET_BIND_SERVICE } from '../../abi/capability.js';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM } from '../../abi/poll.js';
import { AF_INET, AF_INET6, SO_REUSEADDR, SO_REUSEPORT } from '../../abi/socket.js';
import type { Task } from '../../kernel/task.js';
import type { IoVec } from '../../mm/io-vec.js';
import { capableIn } from '../../vfs/credentials.js';
import { answerInt, type IoctlCaller } from '../../vfs/open-file.js';
import { interfaceIoctl } from '../interface-ioctl.js';
import { receiveRequest, Socket } from '../socket.js';
import { ANY4, ANY6, encodeAddress, isAny, isMulticast, isV4, parseAddress, type Endpoint } from './address.js';
import { getInetOption, inetOption, setInetOption, V6ONLY_KEY } from './inet-options.js';
import type { PortOwner, PortTable } from './ports.js';
import type { InetStack } from './stack.js';

export const READABLE = POLLIN | POLLRDNORM;
export const WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND;
/** net.ipv4.igmp_max_memberships */
const MOST_GROUPS = 20;
const TCP_ESTABLISHED = 1;
const TCP_CLOSE = 7;

export abstract class InetSocket extends Socket implements PortOwner {
  local: Endpoint | undefined = undefined;
  remote: Endpoint | undefined = undefined;
  /** What bind(2) asked for. */
  private boundHost: string | undefined = undefined;
  error: 0 | Errno = 0;
  isReleased = false;

  constructor(
    task: Task,
    readonly stack: InetStack,
    family: number,
    type: number,
    protocol: number,
  ) {
    super(task.machine, family, type, protocol, task.cred.fsuid, task.cred.fsgid, stack.net);
    this.isV6Family = family === AF_INET6;
  }

  protected abstract readonly ports: PortTable<InetSocket>;

  get isListening(): boolean {
    return false;
  }
  get v6Only(): boolean {
    return (this.plainOptions.get(V6ONLY_KEY) ?? 0) !== 0;
  }
  get reusesAddress(): boolean {
    return (this.plainOptions.get(SO_REUSEADDR) ?? 0) !== 0;
  }
  get reusesPort(): boolean {
    return (this.plainOptions.get(SO_REUSEPORT) ?? 0) !== 0;
  }
  protected get anyHost(): string {
    return this.family === AF_INET ? ANY4 : ANY6;
  }

  bind(task: Task, address: Uint8Array): 0 | Errno {
    const wanted = parseAddress(this.family, address);
    if (isErr(wanted)) return wanted;
    const { host, port } = wanted as Endpoint;
    if (!this.mayBindTo(host)) return EADDRNOTAVAIL;
    if (isV4(host) && this.family !== AF_INET && this.v6Only) return EINVAL;
    if (port > 0 && port < this.net.firstFreePort && !capableIn(task.cred, this.net.owner!, CAP_NET_BIND_SERVICE)) return EACCES;
    const bound = this.local ? EINVAL : this.ports.bind(this, { host, port });
    if (!isErr(bound)) this.boundHost = this.local!.host;
    return bound;
  }

  /** A name that the kernel chose goes with the peer (Linux: __udp_disconnect, tcp_disconnect): getaddrinfo(3) relies on it. */
  protected forgetAutobind(): void {
    if (this.boundHost !== undefined) this.local = { host: this.boundHost, port: this.local!.port };
    else {
      this.ports.release(this);
      this.local = undefined;
    }
  }

  /** A network that never had an IPv4 address has no tables in which one could be missing. */
  protected mayBindTo(host: string): boolean {
    return isAny(host) || isMulticast(host) || this.net.isLocal(host) || (!this.net.hasTables && isV4(host));
  }

  /** A port of the kernel's choice, at any address. */
  protected autobind(): 0 | Errno {
    return this.local ? 0 : this.ports.bind(this, { host: this.anyHost, port: 0 });
  }

  localAddress(): Uint8Array {
    return encodeAddress(this.family, this.local ?? { host: this.anyHost, port: 0 });
  }
  peerAddress(): Uint8Array | Errno {
    return this.remote ? encodeAddress(this.family, this.remote) : ENOTCONN;
  }

  takeError(): 0 | Errno {
    const { error } = this;
    this.error = 0;
    return error;
  }

  wake(key: number): void {
    this.waiters.wake(key);
  }

  override read(io: IoVec): number | Errno {
    const result = this.receive(receiveRequest(io, 0));
    return result === EAGAIN && this.isReceiveOver && !this.nonBlocking ? 0 : result;
  }
  override write(io: IoVec): number | Errno {
    return this.send({ io, flags: 0, destination: undefined, files: [], credentials: undefined });
  }

  /** Made as a socket of AF_INET6, whatever IPV6_ADDRFORM said since. */
  readonly isV6Family: boolean;
  /** Multicast groups, on the loopback interface. */
  private groups: Set<string> | undefined = undefined;

  joinGroup(group: string): 0 | Errno {
    this.groups ??= new Set();
    if (this.groups.has(group)) return EADDRINUSE;
    if (this.groups.size >= MOST_GROUPS) return ENOBUFS;
    this.groups.add(group);
    return 0;
  }
  leaveGroup(group: string): boolean {
    return this.groups?.delete(group) ?? false;
  }
  isInGroup(group: string): boolean {
    return this.groups?.has(group) ?? false;
  }

  /** State as /proc/net/tcp numbers it. */
  get stateNumber(): number {
    return this.remote ? TCP_ESTABLISHED : TCP_CLOSE;
  }

  /** The value of a numeric option of the internet protocols. */
  option(level: number, name: number): number {
    return inetOption(this, level, name);
  }
  /** Told after an option of the internet protocols has changed. */
  onOptionSet(_level: number, _name: number, _value: number): void {}

  override getOption(_task: Task, level: number, name: number): Uint8Array | Errno | undefined {
    return getInetOption(this, level, name);
  }
  override setOption(task: Task, level: number, name: number, value: Uint8Array): 0 | Errno | undefined {
    return setInetOption(task, this, level, name, value);
  }

  /** FIONREAD and SIOCOUTQ. */
  protected abstract readonly inputBytes: number;
  protected abstract readonly outputBytes: number;

  override ioctl(caller: IoctlCaller, request: number, argument: number): number | Errno {
    if (request !== FIONREAD && request !== TIOCOUTQ) return interfaceIoctl(this.net, caller, request, argument) ?? ENOTTY;
    return answerInt(caller, argument, request === FIONREAD ? this.inputBytes : this.outputBytes);
  }

  override release(): void {
    this.isReleased = true;
    this.ports.release(this);
    this.disconnect();
  }

  protected abstract disconnect(): void;
}

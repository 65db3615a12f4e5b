/** Who has which port (Linux: net/ipv4/inet_hashtables.c, inet_connection_sock.c, inet_csk_get_port; udp.c). */
import type { Errno } from '../../base/brands.js';
import { EADDRINUSE } from '../../abi/errno.js';
import type { NetNamespace } from '../../kernel/net-namespace.js';
import { ANY4, ANY6, isAny, isV4, type Endpoint } from './address.js';

/** What a table must know of a socket. */
export interface PortOwner {
  local: Endpoint | undefined;
  readonly remote: Endpoint | undefined;
  /** Of a socket of AF_INET6: IPv4 packets are not for it. */
  readonly v6Only: boolean;
  readonly isListening: boolean;
  readonly reusesAddress: boolean;
  readonly reusesPort: boolean;
}

export class PortTable<T extends PortOwner> {
  private readonly byPort = new Map<number, Set<T>>();
  private lastEphemeral = 0;

  constructor(private readonly net: Pick<NetNamespace, 'ephemeralPorts'>) {}

  /** Gives `owner` its address; port 0: one that nobody has. */
  bind(owner: T, wanted: Endpoint): 0 | Errno {
    const port = wanted.port === 0 ? this.freePort() : wanted.port;
    if (port === 0) return EADDRINUSE;
    const local = { host: wanted.host, port };
    for (const other of this.byPort.get(port) ?? []) if (this.conflicts(owner, local, other)) return EADDRINUSE;
    owner.local = local;
    this.enter(owner, port);
    return 0;
  }

  /** An accepted connection has its listener's address without being in anybody's way. */
  private conflicts(owner: T, local: Endpoint, other: T): boolean {
    if (!overlaps(owner, local.host, other, other.local!.host)) return false;
    if (owner.reusesPort && other.reusesPort) return false;
    return !(owner.reusesAddress && other.reusesAddress && !other.isListening);
  }

  private enter(owner: T, port: number): void {
    const owners = this.byPort.get(port);
    if (owners) owners.add(owner);
    else this.byPort.set(port, new Set([owner]));
  }

  private freePort(): number {
    const { first, last } = this.net.ephemeralPorts;
    for (let tries = first; tries <= last; tries++) {
      const next = this.lastEphemeral + 1;
      this.lastEphemeral = next > last || next < first ? first : next;
      if (!this.byPort.has(this.lastEphemeral)) return this.lastEphemeral;
    }
    return 0;
  }

  release(owner: T): void {
    const { local } = owner;
    if (!local) return;
    const owners = this.byPort.get(local.port);
    if (!owners) return;
    owners.delete(owner);
    if (owners.size === 0) this.byPort.delete(local.port);
  }

  /** Another listener may be on the port already, though both could be bound (SO_REUSEADDR). */
  mayListen(owner: T): boolean {
    for (const other of this.byPort.get(owner.local!.port) ?? []) {
      if (other === owner || !other.isListening || (owner.reusesPort && other.reusesPort)) continue;
      if (overlaps(owner, owner.local!.host, other, other.local!.host)) return false;
    }
    return true;
  }

  /**
   * The owner that takes what is sent to `to`: one connected to the sender before one of exactly that address before one of any.
   * Among equals that share a port (SO_REUSEPORT) the sender's port decides, so that a flow stays with one of them.
   */
  find(to: Endpoint, takes: (owner: T) => boolean, from?: Endpoint): T | undefined {
    let best: T[] = [];
    let bestScore = 0;
    for (const owner of this.byPort.get(to.port) ?? []) {
      if (!takes(owner)) continue;
      const score = scoreOf(owner, to);
      if (score === 0 || score < bestScore) continue;
      if (score > bestScore) best = [];
      bestScore = score;
      best.push(owner);
    }
    const first = best[0];
    return first?.reusesPort && from ? best[from.port % best.length] : first;
  }

  /** All that have `port`, whatever their address. */
  ownersOf(port: number): Iterable<T> {
    return this.byPort.get(port) ?? [];
  }

  *owners(): Iterable<T> {
    for (const owners of this.byPort.values()) yield* owners;
  }
}

/** How well an owner fits what is sent to `to`; 0: not at all. */
function scoreOf(owner: PortOwner, to: Endpoint): number {
  const { host } = owner.local!;
  const connected = owner.remote && !owner.isListening ? 4 : 0;
  if (host === to.host) return 3 + connected;
  if (host === ANY4) return isV4(to.host) ? 2 + connected : 0;
  return host === ANY6 && !(isV4(to.host) && owner.v6Only) ? 1 + connected : 0;
}

function overlaps(a: PortOwner, aHost: string, b: PortOwner, bHost: string): boolean {
  if (isV4(aHost) === isV4(bHost)) return aHost === bHost || isAny(aHost) || isAny(bHost);
  return (aHost === ANY6 && !a.v6Only) || (bHost === ANY6 && !b.v6Only);
}

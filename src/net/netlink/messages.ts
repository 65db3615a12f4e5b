/** Netlink messages and their attributes, to bytes and back (Linux: include/net/netlink.h; netlink(7)). */
import { NLMSGHDR } from '../../abi/netlink.js';
import { AF_INET } from '../../abi/socket.js';

export const NLMSG_HEADER_SIZE = NLMSGHDR.size;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of an attribute's type. */
const NLA_TYPE_MASK = 0x3fff;

export const align4 = (length: number): number => Math.ceil(length / 4) * 4;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** struct rtattr with its value, padded to four bytes. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(4 + value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

export const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(`${value}\0`, 'latin1'));

/** struct nlmsghdr and payload. */
export function message(type: number, flags: number, sequence: number, port: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(NLMSG_HEADER_SIZE + payload.length));
  NLMSGHDR.write(new DataView(bytes.buffer), 0, { length: NLMSG_HEADER_SIZE + payload.length, type, flags, sequence, port });
  bytes.set(payload, NLMSG_HEADER_SIZE);
  return bytes;
}

/** Attributes by type; of several the last counts. */
export class Attributes {
  private readonly values = new Map<number, Uint8Array>();

  constructor(bytes: Uint8Array) {
    const view = viewOf(bytes);
    for (let at = 0; at + 4 <= bytes.length; ) {
      const length = view.getUint16(at, true);
      if (length < 4 || at + length > bytes.length) return;
      this.values.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
      at += align4(length);
    }
  }

  has(type: number): boolean {
    return this.values.has(type);
  }
  bytes(type: number): Uint8Array | undefined {
    return this.values.get(type);
  }
  number(type: number): number | undefined {
    const value = this.values.get(type);
    return value && value.length >= 4 ? viewOf(value).getUint32(0, true) : undefined;
  }
  text(type: number): string | undefined {
    const value = this.values.get(type);
    return value && Buffer.from(value).toString('latin1').replace(/\0.*$/s, '');
  }
  nested(type: number): Attributes {
    return new Attributes(this.values.get(type) ?? new Uint8Array(0));
  }
  /** An address of the family; undefined also when it has another length. */
  host(type: number, family: number): string | undefined {
    const value = this.values.get(type);
    if (value?.length !== (family === AF_INET ? 4 : 16)) return undefined;
    return family === AF_INET ? [...value].join('.') : Buffer.from(value).toString('hex');
  }
}

export function hostBytes(host: string): Uint8Array {
  return host.includes('.') ? Uint8Array.from(host.split('.').map(Number)) : Uint8Array.from(Buffer.from(host, 'hex'));
}

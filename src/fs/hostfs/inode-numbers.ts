/**
 * Inode numbers for a tree that may span several host file systems, and whose host inode numbers may use all 64 bits
 * (overlay file systems with xino do): one number below 2^53 per (device, inode), the same as the host's in the usual case.
 * The number is also the identity by which hostfs recognises a file, so two files never share one.
 */
import type { HostStat } from '../../host/files.js';

const DOMAIN_SIZE = 2 ** 48;
/** Domains that fit below 2^53; what lies beyond is numbered one by one in the last. */
const DOMAINS = 31;

export class InodeNumbers {
  private readonly domains = new Map<number, Map<number, number>>();
  private domainCount = 0;
  private readonly rest = new Map<string, number>();
  private lastDevice = -1;
  private lastBits = -1;
  private lastDomain = 0;

  of(stat: HostStat): number {
    return this.number(stat.dev, stat.inoLow, stat.inoHigh);
  }

  /** `device`: st_dev; `low`, `high`: the unsigned halves of st_ino. */
  number(device: number, low: number, high: number): number {
    const bits = high >>> 16;
    if (device !== this.lastDevice || bits !== this.lastBits) {
      this.lastDomain = this.domainOf(device, bits);
      this.lastDevice = device;
      this.lastBits = bits;
    }
    const domain = this.lastDomain;
    if (domain < DOMAINS) return domain * DOMAIN_SIZE + (high & 0xffff) * 2 ** 32 + low;
    const key = `${device}:${high}:${low}`;
    let number = this.rest.get(key);
    if (number === undefined) {
      number = DOMAINS * DOMAIN_SIZE + this.rest.size + 1;
      this.rest.set(key, number);
    }
    return number;
  }

  private domainOf(device: number, bits: number): number {
    let byBits = this.domains.get(device);
    if (!byBits) {
      byBits = new Map();
      this.domains.set(device, byBits);
    }
    let domain = byBits.get(bits);
    if (domain === undefined) {
      domain = this.domainCount++;
      byBits.set(bits, domain);
    }
    return domain;
  }
}

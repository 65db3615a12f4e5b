/**
 * All keys of the machine, with what each user has of them (Linux: security/keys/key.c, key_user_lookup, key_alloc; limits of
 * /proc/sys/kernel/keys). Whatever the limits say, `*_TOTAL` bounds what the kernel itself holds.
 */
import type { Errno } from '../../base/brands.js';
import { EDQUOT, EINVAL, ENOMEM } from '../../abi/errno.js';
import { Key, type KeyAttributes } from './key.js';

const KEYS_TOTAL = 65536;
const BYTES_TOTAL = 64 * 2 ** 20;
const LINKS_TOTAL = 4 * KEYS_TOTAL;
const SERIAL_MIN = 3;

/** Linux: struct key_user. */
export interface KeyUser {
  keys: number;
  bytes: number;
}

export class KeyTable {
  private readonly bySerial = new Map<number, Key>();
  private readonly users = new Map<number, KeyUser>();
  /** `_uid.N` and `_uid_ses.N`, by their names. */
  readonly userRings = new Map<string, Key>();
  /** Keys in rings. */
  links = 0;
  private bytes = 0;
  /** /proc/sys/kernel/keys */
  readonly limits = { maxkeys: 200, maxbytes: 20000, rootMaxkeys: 1000000, rootMaxbytes: 25000000 };

  /** `random`: a fresh 31-bit number at each call; `nowNs`: CLOCK_MONOTONIC of the host. */
  constructor(
    private readonly random: () => number,
    private readonly nowNs: () => number,
  ) {}

  /** A new key that nobody holds yet; EDQUOT, or EINVAL for a name that its type does not have. */
  add(attributes: KeyAttributes): Key | Errno {
    const { type, description, uid } = attributes;
    if (!type.isValidDescription(description)) return EINVAL;
    if (!this.mayAdd(attributes)) this.sweep();
    if (!this.mayAdd(attributes)) return attributes.overrun ? ENOMEM : EDQUOT;
    const key = new Key(this, this.freeSerial(), attributes);
    this.bySerial.set(key.serial, key);
    this.count(uid, 1, key.charged);
    return key;
  }

  private mayAdd({ overrun, uid, description }: KeyAttributes): boolean {
    if (this.bySerial.size >= KEYS_TOTAL || this.bytes > BYTES_TOTAL) return false;
    return overrun === true || this.hasRoom(uid, 1, description.length + 1);
  }

  /** Takes what can never be used again out of its rings (Linux: security/keys/gc.c does so in the background). */
  private sweep(): void {
    const now = this.nowNs();
    for (const key of [...this.bySerial.values()]) {
      if (key.state(now) !== 0) for (const ring of [...key.linkedFrom]) ring.unlink(key);
    }
  }

  private freeSerial(): number {
    for (;;) {
      const serial = this.random();
      if (serial >= SERIAL_MIN && !this.bySerial.has(serial)) return serial;
    }
  }

  get(serial: number): Key | undefined {
    return this.bySerial.get(serial);
  }
  all(): Iterable<Key> {
    return this.bySerial.values();
  }
  owners(): Iterable<readonly [number, Readonly<KeyUser>]> {
    return this.users;
  }
  /** Most keys and bytes that a user may have. */
  quotaOf(uid: number): { readonly keys: number; readonly bytes: number } {
    const { maxkeys, maxbytes, rootMaxkeys, rootMaxbytes } = this.limits;
    return uid === 0 ? { keys: rootMaxkeys, bytes: rootMaxbytes } : { keys: maxkeys, bytes: maxbytes };
  }

  hasRoom(uid: number, keys: number, bytes: number): boolean {
    const user = this.users.get(uid) ?? { keys: 0, bytes: 0 };
    const quota = this.quotaOf(uid);
    if (this.bytes + bytes > BYTES_TOTAL || this.links >= LINKS_TOTAL) return false;
    return user.keys + keys <= quota.keys && user.bytes + bytes <= quota.bytes;
  }

  count(uid: number, keys: number, bytes: number): void {
    this.bytes += bytes;
    const user = this.users.get(uid) ?? { keys: 0, bytes: 0 };
    user.keys += keys;
    user.bytes += bytes;
    if (user.keys > 0) this.users.set(uid, user);
    else this.users.delete(uid);
  }

  /** Forgets a key that nobody uses any more; called by the key, once. */
  remove(key: Key): void {
    this.bySerial.delete(key.serial);
    this.count(key.uid, -1, -key.charged);
  }

  /** Another owner, whose quota it now is. */
  chown(key: Key, uid: number): 0 | Errno {
    if (uid === key.uid) return 0;
    if (!this.hasRoom(uid, 1, key.charged)) return EDQUOT;
    this.count(key.uid, -1, -key.charged);
    this.count(uid, 1, key.charged);
    key.uid = uid;
    return 0;
  }
}

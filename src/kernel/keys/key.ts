/**
 * A key, which may be a ring of keys (Linux: struct key, security/keys/key.c, keyring.c; keyrings(7)). It lives for as long as a
 * ring links it or somebody holds it; the table and its owner's quota know it until then.
 */
import type { ByteString, Errno } from '../../base/brands.js';
import { EDQUOT, EKEYEXPIRED, EKEYREVOKED, ENOKEY } from '../../abi/errno.js';
import { inGroup, type Credentials } from '../../vfs/credentials.js';
import { KEYRING_TYPE, type KeyType } from './key-types.js';
import type { KeyTable } from './key-table.js';

/** What a link costs its ring (Linux: KEYQUOTA_LINK_BYTES). */
const LINK_BYTES = 4;
const NOTHING = new Uint8Array(0);

export interface KeyAttributes {
  readonly type: KeyType;
  readonly description: ByteString;
  readonly uid: number;
  readonly gid: number;
  readonly permissions: number;
  /** Counted, but not refused, when its owner has no quota left. */
  readonly overrun?: boolean;
}

export class Key {
  readonly type: KeyType;
  readonly description: ByteString;
  uid: number;
  gid: number;
  permissions: number;
  revoked = false;
  invalidated = false;
  /** An Errno for a key that could not be made (a negative key). */
  failure: 0 | Errno = 0;
  /** CLOCK_MONOTONIC of the host in nanoseconds. */
  expiresNs = Infinity;
  payload: Uint8Array = NOTHING;
  /** Of a ring: what it links, by `indexOf`; of those the rings. */
  readonly links: Map<string, Key> | undefined;
  readonly rings: Set<Key> | undefined;
  /** Rings that link it. */
  readonly linkedFrom = new Set<Key>();
  /** Bytes counted for its owner. */
  charged: number;
  private holders = 0;
  private ended = false;

  /** Made by KeyTable.add only. */
  constructor(
    readonly table: KeyTable,
    readonly serial: number,
    attributes: KeyAttributes,
  ) {
    this.type = attributes.type;
    this.description = attributes.description;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.permissions = attributes.permissions;
    this.charged = attributes.description.length + 1;
    if (attributes.type === KEYRING_TYPE) {
      this.links = new Map();
      this.rings = new Set();
    }
  }

  /** How rings know it. */
  get index(): string {
    return indexOf(this.type, this.description);
  }
  /** What /proc/keys calls usage. */
  get uses(): number {
    return this.holders + this.linkedFrom.size;
  }

  hold(): this {
    this.holders++;
    return this;
  }
  drop(): void {
    this.holders--;
    this.endIfUnused();
  }

  /** Why it cannot be used; 0: it can (Linux: key_validate). */
  state(nowNs: number): 0 | Errno {
    if (this.invalidated) return ENOKEY;
    if (this.revoked) return EKEYREVOKED;
    return nowNs >= this.expiresNs ? EKEYEXPIRED : 0;
  }

  /** True when the rights in `need` are granted (Linux: key_task_permission). */
  permits(cred: Credentials, possessed: boolean, need: number): boolean {
    const { permissions } = this;
    let rights = permissions;
    if (this.uid === cred.fsuid) rights = permissions >> 16;
    else if (((permissions >> 8) & 0x3f) !== 0 && this.gid !== -1 && inGroup(cred, this.gid)) rights = permissions >> 8;
    if (possessed) rights |= permissions >> 24;
    return (rights & need) === need;
  }

  /** Replaces the contents; EDQUOT when they are too much. */
  setPayload(bytes: Uint8Array): 0 | Errno {
    const charged = this.charge(bytes.length - this.payload.length);
    if (charged !== 0) return charged;
    this.payload = bytes;
    return 0;
  }

  /** Links a key into this ring, in the place of one of the same type and name. */
  link(key: Key): 0 | Errno {
    const { links, rings, table } = this;
    const old = links!.get(key.index);
    if (old === key) return 0;
    if (old === undefined) {
      const charged = this.charge(LINK_BYTES);
      if (charged !== 0) return charged;
    }
    links!.set(key.index, key);
    if (key.links) rings!.add(key);
    key.linkedFrom.add(this);
    table.links++;
    if (old) this.forget(old);
    return 0;
  }

  /** False when it is not linked here. */
  unlink(key: Key): boolean {
    if (this.links!.get(key.index) !== key) return false;
    this.links!.delete(key.index);
    this.charge(-LINK_BYTES);
    this.forget(key);
    return true;
  }

  private forget(key: Key): void {
    this.rings!.delete(key);
    key.linkedFrom.delete(this);
    this.table.links--;
    key.endIfUnused();
  }

  clear(): void {
    for (const key of [...this.links!.values()]) this.unlink(key);
  }

  revoke(): void {
    if (this.revoked) return;
    this.revoked = true;
    if (this.links) this.clear();
    else this.setPayload(NOTHING);
  }

  /** Gone at once from wherever it is linked. */
  invalidate(): void {
    this.invalidated = true;
    for (const ring of [...this.linkedFrom]) ring.unlink(this);
  }

  private charge(bytes: number): 0 | Errno {
    if (bytes > 0 && !this.table.hasRoom(this.uid, 0, bytes)) return EDQUOT;
    this.charged += bytes;
    this.table.count(this.uid, 0, bytes);
    return 0;
  }

  private endIfUnused(): void {
    if (this.uses > 0 || this.ended) return;
    this.ended = true;
    if (this.links) this.clear();
    this.table.remove(this);
  }
}

export function indexOf(type: KeyType, description: ByteString): string {
  return `${type.name}\0${description}`;
}

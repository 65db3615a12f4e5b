/**
 * Landlock's decisions about files (Linux: security/landlock/fs.c, ruleset.c; landlock(7)). A task's restrictions are a chain of
 * layers in its credentials, the newest first, which only grows: what one layer handles and no rule of it grants is denied.
 * Unrestricted tasks pay one comparison.
 */
import type { Errno } from '../base/brands.js';
import { EACCES, EXDEV } from '../abi/errno.js';
import { O_ACCMODE, O_RDONLY, O_WRONLY } from '../abi/fcntl.js';
import * as abi from '../abi/landlock.js';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFSOCK } from '../abi/stat.js';
import type { Credentials } from './credentials.js';
import { dropInode, holdInode, type Dentry } from './dentry.js';
import type { Inode } from './inode.js';
import type { Path } from './path.js';

/** What a file that is no directory can have granted. */
export const FILE_ACCESS =
  abi.LANDLOCK_ACCESS_FS_EXECUTE |
  abi.LANDLOCK_ACCESS_FS_WRITE_FILE |
  abi.LANDLOCK_ACCESS_FS_READ_FILE |
  abi.LANDLOCK_ACCESS_FS_TRUNCATE |
  abi.LANDLOCK_ACCESS_FS_IOCTL_DEV;
/** Layers of a task. */
export const MAX_LAYERS = 16;
/** Rules of all layers together. */
const RULES_TOTAL = 2 ** 18;
let liveRules = 0;

export interface LayerRules {
  readonly handledFs: number;
  readonly handledNet: number;
  readonly scoped: number;
  /** What is granted beneath a directory, or of a file. */
  readonly files: ReadonlyMap<Inode, number>;
  readonly ports: ReadonlyMap<number, number>;
}

export class LandlockLayer {
  readonly depth: number;
  /** Tasks and layers upon it. */
  private users = 1;

  constructor(
    readonly parent: LandlockLayer | undefined,
    readonly rules: LayerRules,
  ) {
    this.depth = (parent?.depth ?? 0) + 1;
    parent?.hold();
    // Held, so that an inode stays the same object for as long as a rule names it.
    for (const inode of rules.files.keys()) holdInode(inode);
    liveRules += rules.files.size + rules.ports.size;
  }

  hold(): void {
    this.users++;
  }

  drop(): void {
    if (--this.users > 0) return;
    liveRules -= this.rules.files.size + this.rules.ports.size;
    for (const inode of this.rules.files.keys()) dropInode(inode);
    this.parent?.drop();
  }
}

/** One more layer of so many rules would be more than the kernel holds. */
export function areRulesExhausted(count: number): boolean {
  return liveRules + count > RULES_TOTAL;
}

/** True when `layer` is one of the restrictions that `newest` is made of. */
export function isWithinLayer(newest: LandlockLayer | undefined, layer: LandlockLayer): boolean {
  for (let at = newest; at; at = at.parent) if (at === layer) return true;
  return false;
}

/** A scope (LANDLOCK_SCOPE_*) keeps `subject` from what belongs to `object`: it lies outside of a layer that has the scope. */
export function isScoped(subject: Credentials, object: LandlockLayer | undefined, scope: number): boolean {
  for (let at = subject.landlock; at; at = at.parent) {
    if ((at.rules.scoped & scope) !== 0 && !isWithinLayer(object, at)) return true;
  }
  return false;
}

/** True when file systems are restricted: their tree may then not be changed. */
export function restrictsFiles(cred: Credentials): boolean {
  for (let at = cred.landlock; at; at = at.parent) if (at.rules.handledFs !== 0) return true;
  return false;
}

/** A port of TCP, by LANDLOCK_ACCESS_NET_*. */
export function isPortDenied(cred: Credentials, port: number, access: number): boolean {
  for (let at = cred.landlock; at; at = at.parent) {
    if ((at.rules.handledNet & access) !== 0 && ((at.rules.ports.get(port) ?? 0) & access) === 0) return true;
  }
  return false;
}

/** For each layer, the newest first: what it denies of `access` at `path`. */
function denials(cred: Credentials, path: Path, access: number): number[] {
  const layers: LayerRules[] = [];
  for (let at = cred.landlock; at; at = at.parent) layers.push(at.rules);
  // To move a file elsewhere is denied unless it is granted, also by layers that know nothing of it.
  const left = layers.map(({ handledFs }) => access & (handledFs === 0 ? 0 : handledFs | abi.LANDLOCK_ACCESS_FS_REFER));
  let { mount, dentry } = path;
  for (;;) {
    const { inode } = dentry;
    if (inode) for (let i = 0; i < layers.length; i++) left[i]! &= ~(layers[i]!.files.get(inode) ?? 0);
    if (left.every((denied) => denied === 0)) return left;
    while (dentry === mount.root && mount.mountPoint !== null) {
      dentry = mount.mountPoint.dentry;
      mount = mount.mountPoint.mount;
    }
    if (dentry.parent === null || dentry === mount.root) return mount.isInternal ? left.fill(0) : left;
    dentry = dentry.parent;
  }
}

function isDenied(cred: Credentials, path: Path, access: number): boolean {
  return cred.landlock !== undefined && denials(cred, path, access).some((denied) => denied !== 0);
}

/** EACCES unless all of `access` (LANDLOCK_ACCESS_FS_*) is granted at `path`, by rules for it and what it lies beneath. */
export function landlockCheck(cred: Credentials, path: Path, access: number): 0 | Errno {
  return isDenied(cred, path, access) ? EACCES : 0;
}

/** open(2) of what is there. */
export function landlockOpen(cred: Credentials, path: Path, flags: number, truncates: boolean): 0 | Errno {
  const mode = flags & O_ACCMODE;
  let access = truncates ? abi.LANDLOCK_ACCESS_FS_TRUNCATE : 0;
  if (path.dentry.inode!.isDirectory) access |= abi.LANDLOCK_ACCESS_FS_READ_DIR;
  else if (mode !== O_WRONLY) access |= abi.LANDLOCK_ACCESS_FS_READ_FILE;
  if (mode !== O_RDONLY) access |= abi.LANDLOCK_ACCESS_FS_WRITE_FILE;
  return landlockCheck(cred, path, access);
}

/** What an open file may not be used for later on: to be truncated, or to control a device. */
export function deniedWhenOpen(cred: Credentials, path: Path): number {
  let denied = 0;
  for (const part of denials(cred, path, abi.LANDLOCK_ACCESS_FS_TRUNCATE | abi.LANDLOCK_ACCESS_FS_IOCTL_DEV)) denied |= part;
  const { type } = path.dentry.inode!;
  return type === S_IFCHR || type === S_IFBLK ? denied : denied & ~abi.LANDLOCK_ACCESS_FS_IOCTL_DEV;
}

/** The right to make something of that type (S_IF*) in a directory. */
export function makeAccess(type: number): number {
  switch (type) {
    case S_IFLNK:
      return abi.LANDLOCK_ACCESS_FS_MAKE_SYM;
    case S_IFDIR:
      return abi.LANDLOCK_ACCESS_FS_MAKE_DIR;
    case S_IFCHR:
      return abi.LANDLOCK_ACCESS_FS_MAKE_CHAR;
    case S_IFBLK:
      return abi.LANDLOCK_ACCESS_FS_MAKE_BLOCK;
    case S_IFIFO:
      return abi.LANDLOCK_ACCESS_FS_MAKE_FIFO;
    case S_IFSOCK:
      return abi.LANDLOCK_ACCESS_FS_MAKE_SOCK;
    default:
      return abi.LANDLOCK_ACCESS_FS_MAKE_REG;
  }
}

function removeAccess(inode: Inode | null): number {
  if (inode === null) return 0;
  return inode.isDirectory ? abi.LANDLOCK_ACCESS_FS_REMOVE_DIR : abi.LANDLOCK_ACCESS_FS_REMOVE_FILE;
}

/** A rename or a link: `source` in `from` gets a name in `to`, where `target` is now. */
export interface Referral {
  /** Directories. */
  readonly from: Path;
  readonly to: Path;
  readonly source: Dentry;
  readonly target: Dentry | undefined;
  readonly removes: boolean;
  readonly exchange: boolean;
}

/** Linux: current_check_refer_path. EXDEV where only the move itself is denied, as between file systems. */
export function landlockRefer(cred: Credentials, { from, to, source, target, removes, exchange }: Referral): 0 | Errno {
  const old = source.inode!;
  const replaced = target?.inode ?? null;
  let inFrom = exchange ? makeAccess(replaced!.type) : 0;
  let inTo = makeAccess(old.type);
  if (removes) {
    inFrom |= removeAccess(old);
    inTo |= removeAccess(replaced);
  }
  if (from.dentry === to.dentry) return landlockCheck(cred, to, inFrom | inTo);
  if (isDenied(cred, from, inFrom) || isDenied(cred, to, inTo)) return EACCES;
  if (isDenied(cred, from, abi.LANDLOCK_ACCESS_FS_REFER) || isDenied(cred, to, abi.LANDLOCK_ACCESS_FS_REFER)) return EXDEV;
  if (gainsAccess(cred, from, source, to)) return EXDEV;
  return exchange && gainsAccess(cred, to, target!, from) ? EXDEV : 0;
}

/** In its new directory something could be done to it that its old place denies. */
function gainsAccess(cred: Credentials, from: Path, moved: Dentry, to: Path): boolean {
  const inode = moved.inode!;
  const relevant = inode.isDirectory ? abi.LANDLOCK_MASK_ACCESS_FS : FILE_ACCESS;
  const before = denials(cred, from, relevant);
  const after = denials(cred, to, relevant);
  let layer = cred.landlock;
  return before.some((denied, i) => {
    const own = layer!.rules.files.get(inode) ?? 0; // goes along
    layer = layer!.parent;
    return (denied & ~own & ~after[i]!) !== 0;
  });
}

/**
 * Path resolution (Linux: fs/namei.c link_path_walk; path_resolution(7)). A path is a byte string, read from the guest once.
 *
 * A Walk holds a place and what is left of the path. `prefix` consumes all components but the last, `last` steps into that
 * one; a symbolic link that must be followed becomes a new path in front of the rest, so that there is no recursion.
 * Left out: automounts and protected_symlinks.
 */
import { isErr, type ByteString, type Errno } from '../base/brands.js';
import { EAGAIN, ELOOP, ENOENT, ENOTDIR, EXDEV } from '../abi/errno.js';
import { MS_NOSYMFOLLOW } from '../abi/mount.js';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../abi/stat.js';
import type { Credentials } from './credentials.js';
import { lookupChild, type Dentry } from './dentry.js';
import { mountedOn, type Mount } from './mount.js';
import type { FsContext } from './fs-context.js';
import type { Inode } from './inode.js';
import type { Path } from './path.js';
import { maySearch } from './permissions.js';

/** Follow a symbolic link that is the last component. */
export const LOOKUP_FOLLOW = 0x100;
/** The result must be a directory. */
export const LOOKUP_DIRECTORY = 0x200;
/** An empty path is the base itself (AT_EMPTY_PATH). */
export const LOOKUP_EMPTY = 0x400;
/** The walk is no use of the mounts on its way (umount2(2) with MNT_EXPIRE). */
export const LOOKUP_NO_EXPIRE = 0x800;
// The low bits are RESOLVE_* of openat2(2), with their values there.
const NO_XDEV = 1;
const NO_MAGICLINKS = 2;
const NO_SYMLINKS = 4;
const BENEATH = 8;
const IN_ROOT = 0x10;
const CACHED = 0x20;
const SCOPED = BENEATH | IN_ROOT;

/** Links followed in one walk before ELOOP. */
const MAX_LINKS = 40;

// Kinds of last component.
export const LAST_NORMAL = 0;
const LAST_ROOT = 1;
export const LAST_DOT = 2;
export const LAST_DOTDOT = 3;

const SLASH = 47;
const DOT = 46;

export class Walk {
  mount: Mount;
  dentry: Dentry;
  /** After `prefix`: the last component, its kind, and whether slashes stand behind it. */
  lastName: ByteString = '';
  lastKind = LAST_ROOT;
  slashes = false;
  private at = 0;
  private links = 0;
  private rootMount: Mount;
  private rootDentry: Dentry;

  constructor(
    fs: FsContext,
    private readonly cred: Credentials,
    base: Path,
    private rest: ByteString,
    readonly flags: number,
  ) {
    const { root } = fs;
    const scoped = (flags & SCOPED) !== 0;
    this.rootMount = scoped ? base.mount : root.mount;
    this.rootDentry = scoped ? base.dentry : root.dentry;
    this.mount = base.mount;
    this.dentry = base.dentry;
  }

  /** The place reached, as a Path of its own. */
  get path(): Path {
    return { mount: this.mount, dentry: this.dentry };
  }

  /** To the beginning: an absolute path starts at the root. */
  start(): 0 | Errno {
    if (this.rest.length === 0) return (this.flags & LOOKUP_EMPTY) !== 0 ? 0 : ENOENT;
    if ((this.flags & CACHED) !== 0) return EAGAIN;
    if (this.rest.charCodeAt(0) === SLASH) return this.toRoot();
    return 0;
  }

  private toRoot(): 0 | Errno {
    if ((this.flags & BENEATH) !== 0) return EXDEV;
    if ((this.flags & NO_XDEV) !== 0 && this.mount !== this.rootMount) return EXDEV;
    this.mount = this.rootMount;
    this.dentry = this.rootDentry;
    return 0;
  }

  /** Walks all components but the last. */
  prefix(): 0 | Errno {
    for (;;) {
      const path = this.rest;
      const { length } = path;
      let from = this.at;
      while (from < length && path.charCodeAt(from) === SLASH) from++;
      if (from === length) {
        this.lastKind = LAST_ROOT;
        this.lastName = '';
        this.slashes = false;
        return 0;
      }
      const inode = this.dentry.inode!;
      if ((inode.mode & S_IFMT) !== S_IFDIR) return ENOTDIR;
      const denied = maySearch(inode, this.cred);
      if (denied !== 0) return denied;
      let end = path.indexOf('/', from);
      if (end < 0) end = length;
      let next = end;
      while (next < length && path.charCodeAt(next) === SLASH) next++;
      const name = from === 0 && end === length ? path : path.slice(from, end);
      const kind = kindOf(name);
      this.at = next;
      if (next === length) {
        this.lastName = name;
        this.lastKind = kind;
        this.slashes = next > end;
        return 0;
      }
      const stepped = this.step(name, kind, true, true);
      if (stepped !== 0) return stepped;
    }
  }

  /** Steps into the last component. 1: it was a link, which the path now continues with: call `prefix` again. */
  last(): 0 | 1 | Errno {
    const follow = (this.flags & LOOKUP_FOLLOW) !== 0 || this.slashes;
    const linksBefore = this.links;
    const stepped = this.step(this.lastName, this.lastKind, follow, false);
    if (stepped !== 0) return stepped;
    if (this.links !== linksBefore && this.at < this.rest.length) return 1;
    if ((this.slashes || (this.flags & LOOKUP_DIRECTORY) !== 0) && !this.dentry.inode!.isDirectory) return ENOTDIR;
    return 0;
  }

  private step(name: ByteString, kind: number, follow: boolean, inside: boolean): 0 | Errno {
    if (kind !== LAST_NORMAL) return kind === LAST_DOTDOT ? this.up() : 0;
    const child = lookupChild(this.dentry, name);
    if (typeof child === 'number') return child;
    return this.into(child, follow, inside);
  }

  /** Steps from the current directory into a child that was looked up; ENOENT for a negative one. */
  into(child: Dentry, follow: boolean, inside: boolean): 0 | Errno {
    const { inode } = child;
    if (inode === null) return ENOENT;
    if (child.mounts !== null) return this.cross(child);
    const type = inode.mode & S_IFMT;
    if (type === S_IFLNK && follow) return this.follow(child, inode, inside);
    if (inside && type !== S_IFDIR) return ENOTDIR;
    this.dentry = child;
    return 0;
  }

  /** Onto what is mounted at `child`. */
  private cross(child: Dentry): 0 | Errno {
    this.dentry = child;
    for (let above = mountedOn(this.mount, this.dentry); above; above = mountedOn(this.mount, this.dentry)) {
      if ((this.flags & NO_XDEV) !== 0) return EXDEV;
      if ((this.flags & LOOKUP_NO_EXPIRE) === 0) above.expiryMark = false;
      this.mount = above;
      this.dentry = above.root;
    }
    return 0;
  }

  private follow(link: Dentry, inode: Inode, inside: boolean): 0 | Errno {
    if (++this.links > MAX_LINKS || (this.flags & NO_SYMLINKS) !== 0) return ELOOP;
    if ((this.mount.flags & MS_NOSYMFOLLOW) !== 0) return ELOOP;
    const magic = inode.followLink(this.cred);
    if (typeof magic === 'number') return magic as Errno;
    if (magic !== undefined) return this.jump(magic);
    const target = inode.readlink();
    if (typeof target === 'number') return target;
    if (target.length === 0) return ENOENT;
    void link;
    if (inside) this.rest = target + '/' + this.rest.slice(this.at);
    else this.rest = this.slashes ? target + '/' : target;
    this.at = 0;
    return target.charCodeAt(0) === SLASH ? this.toRoot() : 0;
  }

  /** A magic link of /proc leads to a place, not along a path. */
  private jump(place: Path): 0 | Errno {
    if ((this.flags & NO_MAGICLINKS) !== 0) return ELOOP;
    if ((this.flags & SCOPED) !== 0) return EXDEV;
    if ((this.flags & NO_XDEV) !== 0 && place.mount !== this.mount) return EXDEV;
    this.mount = place.mount;
    this.dentry = place.dentry;
    return 0;
  }

  private up(): 0 | Errno {
    for (;;) {
      if (this.dentry === this.rootDentry && this.mount === this.rootMount) return (this.flags & BENEATH) !== 0 ? EXDEV : 0;
      if (this.dentry !== this.mount.root) {
        if (this.dentry.parent !== null) this.dentry = this.dentry.parent;
        return this.cross(this.dentry);
      }
      const below = this.mount.mountPoint;
      if (below === null) return 0;
      if ((this.flags & NO_XDEV) !== 0) return EXDEV;
      this.mount = below.mount;
      this.dentry = below.dentry;
    }
  }
}

function kindOf(name: ByteString): number {
  if (name.charCodeAt(0) !== DOT) return LAST_NORMAL;
  if (name.length === 1) return LAST_DOT;
  return name.length === 2 && name.charCodeAt(1) === DOT ? LAST_DOTDOT : LAST_NORMAL;
}

/**
 * Resolves `name` from `base` (its own root when absolute). flags: LOOKUP_* and RESOLVE_*. Returns an existing place or ENOENT,
 * ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EXDEV as path_resolution(7) says.
 */
export function walk(fs: FsContext, cred: Credentials, base: Path, name: ByteString, flags: number): Path | Errno {
  const walker = new Walk(fs, cred, base, name, flags);
  const done = finishWalk(walker, name);
  return isErr(done) ? done : walker.path;
}

function finishWalk(walker: Walk, name: ByteString): 0 | Errno {
  const started = walker.start();
  if (started !== 0) return started;
  if (name.length === 0) return (walker.flags & LOOKUP_DIRECTORY) !== 0 && !walker.dentry.inode!.isDirectory ? ENOTDIR : 0;
  for (;;) {
    const walked = walker.prefix();
    if (walked !== 0) return walked;
    const stepped = walker.last();
    if (stepped !== 1) return stepped;
  }
}

/** Walks to the directory that holds the last component: `lastName`, `lastKind` and `slashes` of the answer tell the rest. */
export function walkToParent(fs: FsContext, cred: Credentials, base: Path, name: ByteString, flags = 0): Walk | Errno {
  const walker = new Walk(fs, cred, base, name, flags);
  const started = walker.start();
  if (started !== 0) return started;
  if (name.length === 0) return ENOENT;
  const walked = walker.prefix();
  return walked !== 0 ? walked : walker;
}

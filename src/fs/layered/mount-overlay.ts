/** The options of `mount -t overlay` (Linux: fs/overlayfs/params.c, super.c): which directories, and that they can be what they shall be. */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { EINVAL, ENOTDIR } from '../../abi/errno.js';
import { AT_FDCWD } from '../../abi/fcntl.js';
import { S_IFDIR } from '../../abi/stat.js';
import { lookupPath } from '../../kernel/task-files.js';
import type { Task } from '../../kernel/task.js';
import { addChild, isWithin, type Dentry } from '../../vfs/dentry.js';
import type { Path } from '../../vfs/path.js';
import { upperChild } from './layered-inode.js';
import { heightOf, LayeredFs } from './layered-fs.js';

/** Linux: OVL_MAX_STACK. */
const MOST_LAYERS = 500;
/** Linux: FILESYSTEM_MAX_STACK_DEPTH. */
const MOST_DEPTH = 2;
const WORK_NAME = 'work';
/** Understood and without effect: see layered-fs.ts for what is left out. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  redirect_dir: ['on', 'off', 'follow', 'nofollow'],
  metacopy: ['on', 'off'],
  index: ['on', 'off'],
  nfs_export: ['on', 'off'],
  xino: ['on', 'off', 'auto'],
  uuid: ['on', 'off', 'auto', 'null'],
  verity: ['on', 'off', 'require'],
};
const FLAGS: ReadonlySet<string> = new Set(['userxattr', 'volatile', 'default_permissions']);

interface Wanted {
  readonly lowers: string[];
  upper: string | undefined;
  work: string | undefined;
  readonly flags: Set<string>;
}

/** Splits at `separator`, but not where a backslash stands before it; others are kept. */
function split(text: string, separator: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '\\' && at + 1 < text.length) parts[parts.length - 1] += char + text[++at]!;
    else if (char === separator) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

const unescaped = (text: string): string => text.replace(/\\(.)/gs, '$1');

function parse(options: ByteString): Wanted | Errno {
  const wanted: Wanted = { lowers: [], upper: undefined, work: undefined, flags: new Set() };
  for (const option of split(options, ',')) {
    if (option === '') continue;
    const at = option.indexOf('=');
    const key = at < 0 ? option : option.slice(0, at);
    const value = at < 0 ? undefined : option.slice(at + 1);
    const known = take(wanted, key, value);
    if (known !== 0) return known;
  }
  return wanted;
}

function take(wanted: Wanted, key: string, value: string | undefined): 0 | Errno {
  if (FLAGS.has(key) && value === undefined) {
    wanted.flags.add(key);
    return 0;
  }
  if (value === undefined || value === '') return EINVAL;
  switch (key) {
    case 'lowerdir':
      wanted.lowers.push(...split(value, ':').map(unescaped));
      return 0;
    case 'lowerdir+':
      wanted.lowers.push(value);
      return 0;
    case 'upperdir':
      wanted.upper = unescaped(value);
      return 0;
    case 'workdir':
      wanted.work = unescaped(value);
      return 0;
    default:
      return CHOICES[key]?.includes(value) ? 0 : EINVAL;
  }
}

function directoryAt(task: Task, name: string): Path | Errno {
  const place = lookupPath(task, AT_FDCWD, name, true);
  if (isErr(place)) return place;
  return (place as Path).dentry.inode!.isDirectory ? (place as Path) : ENOTDIR;
}

/** A directory of ours in the one given, where files can be that have no name. */
function workIn({ dentry }: Path, task: Task): Dentry | Errno {
  const there = upperChild(dentry, WORK_NAME);
  if (typeof there === 'number') return there;
  if (there) return there.inode!.isDirectory ? there : EINVAL;
  const { fsuid: uid, fsgid: gid } = task.cred;
  const made = dentry.inode!.mkdir(WORK_NAME, { mode: S_IFDIR, uid, gid, rdev: 0 });
  return typeof made === 'number' ? made : addChild(dentry, WORK_NAME, made);
}

/** Upper and work directory must be of one mount, and neither in the other. */
function areApart(upper: Path, work: Path): boolean {
  return upper.mount === work.mount && !isWithin(upper.dentry, work.dentry) && !isWithin(work.dentry, upper.dentry);
}

/** Overlays over overlays are searched from top to bottom for each name. */
function isTooHigh(lowers: readonly Path[], upper: Path | undefined): boolean {
  const { depth, layerCount } = heightOf(lowers, upper);
  return depth > MOST_DEPTH || layerCount > MOST_LAYERS * 2;
}

function shownText({ lowers, upper, work, flags }: Wanted): string {
  const escaped = (text: string): string => text.replace(/[\\:,]/g, '\\$&');
  const list = `,lowerdir=${lowers.map(escaped).join(':')}`;
  const above = upper === undefined ? '' : `,upperdir=${escaped(upper)},workdir=${escaped(work!)}`;
  return list + above + [...flags].map((flag) => `,${flag}`).join('');
}

export function mountOverlay(task: Task, options: ByteString): LayeredFs | Errno {
  const wanted = parse(options);
  if (typeof wanted === 'number') return wanted;
  const { lowers: names, flags } = wanted;
  if (names.length === 0 || names.length > MOST_LAYERS || names.includes('')) return EINVAL;
  if (wanted.upper === undefined ? names.length === 1 : wanted.work === undefined) return EINVAL;
  const lowers: Path[] = [];
  for (const name of names) {
    const place = directoryAt(task, name);
    if (typeof place === 'number') return place;
    lowers.push(place);
  }
  const common = { lowers, userXattr: flags.has('userxattr'), text: shownText(wanted) };
  if (wanted.upper === undefined)
    return isTooHigh(lowers, undefined) ? EINVAL : new LayeredFs({ ...common, upper: undefined, work: undefined });
  const upper = directoryAt(task, wanted.upper);
  if (typeof upper === 'number') return upper;
  const work = directoryAt(task, wanted.work!);
  if (typeof work === 'number') return work;
  if (!areApart(upper, work) || upper.mount.fs.readOnly || isTooHigh(lowers, upper)) return EINVAL;
  const inner = workIn(work, task);
  return typeof inner === 'number' ? inner : new LayeredFs({ ...common, upper, work: inner });
}

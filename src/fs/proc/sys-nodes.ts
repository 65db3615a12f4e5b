/** Directories and files of /proc/sys for settings that are described as data (Linux: fs/proc/proc_sysctl.c). */
import type { ByteString } from '../../base/brands.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { fixedIno } from './inode-numbers.js';
import type { Knob, Tree } from './knobs.js';
import { fixedDirectory, lazyDirectory, ProcDirectory, ProcText, ROOT_OWNER, type DirectorySource, type Owner } from './nodes.js';

export function isBranch(item: Tree[string] | undefined): item is Tree {
  return typeof item === 'object' && typeof item.read !== 'function';
}

/** Made when somebody first looks. `others`: subdirectories that are not described, given this one's inode number. */
export function settingsDirectory(
  fs: FileSystem,
  branch: () => Tree,
  parentIno: number,
  others: Readonly<Record<string, (ino: number) => Inode>> = {},
): Inode {
  const ino = fixedIno();
  const nodes = (): Map<ByteString, Inode> => {
    const made = settingsNodes(fs, branch(), ino, () => ROOT_OWNER);
    for (const [name, make] of Object.entries(others)) made.set(name, make(ino));
    return made;
  };
  return new ProcDirectory(fs, ino, 0o555, () => ROOT_OWNER, lazyDirectory(nodes, parentIno));
}

function settingsNodes(fs: FileSystem, branch: Tree, ino: number, owner: () => Owner): Map<ByteString, Inode> {
  const make = (item: Tree[string]): Inode => {
    if (typeof item === 'function') return new ProcText(fs, fixedIno(), 0o444, owner, item);
    if (isBranch(item)) {
      const own = fixedIno();
      return new ProcDirectory(
        fs,
        own,
        0o555,
        owner,
        lazyDirectory(() => settingsNodes(fs, item, own, owner), ino),
      );
    }
    const { read, write } = item as Knob;
    return new ProcText(fs, fixedIno(), 0o644, owner, read, write);
  };
  return new Map(Object.entries(branch).map(([name, item]) => [name, make(item)]));
}

/** What the directory of inode number `ino` holds, all owned by `owner`. */
export function settingsSource(fs: FileSystem, branch: Tree, ino: number, parentIno: number, owner: () => Owner): DirectorySource {
  return fixedDirectory(settingsNodes(fs, branch, ino, owner), parentIno);
}

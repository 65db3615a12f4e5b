/** /proc/PID/ns, uid_map, gid_map and setgroups (namespaces(7), user_namespaces(7); Linux: fs/proc/namespaces.c). */
import type { ByteString, Errno } from '../../base/brands.js';
import { EACCES, ENOENT } from '../../abi/errno.js';
import { S_IFLNK } from '../../abi/stat.js';
import type { Task } from '../../kernel/task.js';
import { idMapText, writeIdMap, writeSetgroups, type MapKind } from '../../kernel/user-namespaces.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import type { Namespace } from '../../vfs/namespace.js';
import { namespacePlace, namespaceText } from '../nsfs.js';
import { mayInspect } from './access.js';
import { ProcMagicLink, ProcText, type DirectorySource, type Owner } from './nodes.js';

const LINKS: readonly (readonly [ByteString, (task: Task) => Namespace])[] = [
  ['cgroup', (task) => task.nsproxy.cgroup],
  ['ipc', (task) => task.nsproxy.ipc],
  ['mnt', (task) => task.nsproxy.mnt],
  ['net', (task) => task.nsproxy.net],
  ['pid', (task) => task.group.pidNs],
  ['pid_for_children', (task) => task.nsproxy.pidForChildren],
  ['time', (task) => task.nsproxy.time],
  ['time_for_children', (task) => task.nsproxy.timeForChildren],
  ['user', (task) => task.cred.userNs],
  ['uts', (task) => task.nsproxy.uts],
];

/** Inode numbers count from `ino` + 512. */
export function namespaceLinks(fs: FileSystem, owner: () => Owner, ino: number, parentIno: number, task: Task): DirectorySource {
  const isGone = (): boolean => task.state === 'zombie' || task.state === 'dead';
  const lookup = (name: ByteString): Inode | Errno => {
    const index = LINKS.findIndex(([known]) => known === name);
    if (index < 0) return ENOENT;
    const find = (): Namespace | Errno => {
      if (!mayInspect(task)) return EACCES;
      const namespace = LINKS[index]![1](task);
      const isLasting = namespace.kind === 'pid' || namespace.kind === 'user';
      return isGone() && !isLasting ? ENOENT : namespace;
    };
    const place = () => {
      const namespace = find();
      return typeof namespace === 'number' ? namespace : namespacePlace(namespace);
    };
    const text = () => {
      const namespace = find();
      return typeof namespace === 'number' ? namespace : namespaceText(namespace);
    };
    return new ProcMagicLink(fs, ino + 512 + index, 0o777, owner, place, text);
  };
  return {
    parentIno,
    lookup,
    *list() {
      for (const [index, [name]] of LINKS.entries()) yield { name, ino: ino + 512 + index, type: S_IFLNK };
    },
  };
}

export function idMapEntry(fs: FileSystem, ino: number, owner: () => Owner, task: Task, kind: MapKind): Inode {
  const { machine } = task;
  return new ProcText(
    fs,
    ino,
    0o644,
    owner,
    () => idMapText(task.cred.userNs, machine.current.cred.userNs, kind),
    (text) => writeIdMap(machine.current.cred, task.cred.userNs, kind, text),
  );
}

export function setgroupsEntry(fs: FileSystem, ino: number, owner: () => Owner, task: Task): Inode {
  return new ProcText(
    fs,
    ino,
    0o644,
    owner,
    () => (task.cred.userNs.setgroupsAllowed ? 'allow\n' : 'deny\n'),
    (text) => writeSetgroups(task.machine.current.cred, task.cred.userNs, text),
  );
}

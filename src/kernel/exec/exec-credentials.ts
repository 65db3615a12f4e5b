/** Identity and capabilities after execve (Linux: security/commoncap.c; capabilities(7), "Transformation of capabilities"). */
import { MS_NOSUID } from '../../abi/mount.js';
import { S_ISGID, S_ISUID, S_IXGRP } from '../../abi/stat.js';
import type { Credentials } from '../../vfs/credentials.js';
import { fileCapabilities, type FileCapabilities } from '../../vfs/file-capabilities.js';
import type { Path } from '../../vfs/path.js';
import { gidIn, isUserNamespaceWithin, uidIn } from '../../vfs/user-namespace.js';
import { intersection, isSubset, union } from '../capability-sets.js';

const SECBIT_NOROOT = 1;
const SECBIT_KEEP_CAPS = 16;

export interface ExecCredentials {
  readonly cred: Credentials;
  /** AT_SECURE: the C library must not trust the environment. */
  readonly secure: boolean;
}

/** What the file gives: its owner's identity where it is set-user-ID, and file capabilities. */
interface Gift {
  readonly euid: number;
  readonly egid: number;
  readonly capabilities: FileCapabilities | undefined;
}

/** Set-user-ID bits and file capabilities count only where the mount is not nosuid and belongs to the task's namespace or above. */
function giftOf(cred: Credentials, path: Path, noNewPrivs: boolean): Gift {
  const { euid, egid, userNs } = cred;
  const { mount } = path;
  const nothing = { euid, egid, capabilities: undefined };
  if ((mount.flags & MS_NOSUID) !== 0 || !isUserNamespaceWithin(userNs, mount.fs.userNs)) return nothing;
  const inode = path.dentry.inode!;
  const capabilities = fileCapabilities(inode, userNs);
  if (noNewPrivs || uidIn(userNs, inode.uid) < 0 || gidIn(userNs, inode.gid) < 0) return { ...nothing, capabilities };
  const setsUser = (inode.mode & S_ISUID) !== 0;
  const setsGroup = (inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  return { euid: setsUser ? inode.uid : euid, egid: setsGroup ? inode.gid : egid, capabilities };
}

/** Undefined: the program has file capabilities without which it would not run right, and the bounding set forbids them (EPERM). */
export function credentialsAfterExec(old: Credentials, path: Path, noNewPrivs: boolean): ExecCredentials | undefined {
  const gift = giftOf(old, path, noNewPrivs);
  let { euid, egid } = gift;
  const file = gift.capabilities;
  let permitted = file ? union(intersection(old.bounding, file.permitted), intersection(old.inheritable, file.inheritable)) : 0;
  if (file?.effective && !isSubset(file.permitted, permitted)) return undefined;
  let isEffective = file?.effective ?? false;
  const root = old.userNs.rootUid;
  const isSetuidRoot = old.uid !== root && euid === root;
  if ((old.securebits & SECBIT_NOROOT) === 0 && !(file && isSetuidRoot)) {
    if (euid === root || old.uid === root) permitted = union(old.bounding, old.inheritable);
    if (euid === root) isEffective = true;
  }
  const raised = euid !== old.uid || egid !== old.gid;
  if (noNewPrivs && (raised || !isSubset(permitted, old.permitted))) {
    euid = old.uid;
    egid = old.gid;
    permitted = intersection(permitted, old.permitted);
  }
  const ambient = file || raised ? 0 : old.ambient;
  permitted = union(permitted, ambient);
  const cred = {
    ...old,
    euid,
    egid,
    suid: euid,
    sgid: egid,
    fsuid: euid,
    fsgid: egid,
    permitted,
    effective: isEffective ? permitted : ambient,
    ambient,
    securebits: old.securebits & ~SECBIT_KEEP_CAPS,
  };
  return { cred, secure: raised || (old.uid !== root && (isEffective || !isSubset(permitted, ambient))) };
}

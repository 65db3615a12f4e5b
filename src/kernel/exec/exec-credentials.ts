/** Identity and capabilities after execve (Linux: security/commoncap.c; capabilities(7), "Transformation of capabilities"). */
import { MS_NOSUID } from '../../abi/mount.js';
import { S_ISGID, S_ISUID, S_IXGRP } from '../../abi/stat.js';
import type { Credentials } from '../../vfs/credentials.js';
import type { Path } from '../../vfs/path.js';

const SECBIT_NOROOT = 1;
const SECBIT_KEEP_CAPS = 16;

/** Set-user-ID and set-group-ID bits count only where neither the mount nor no_new_privs forbids. */
export function credentialsAfterExec(cred: Credentials, path: Path, noNewPrivs: boolean): Credentials {
  const inode = path.dentry.inode!;
  const honoursSetid = !noNewPrivs && (path.mount.flags & MS_NOSUID) === 0;
  const setsUser = honoursSetid && (inode.mode & S_ISUID) !== 0;
  const setsGroup = honoursSetid && (inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
  const euid = setsUser ? inode.uid : cred.euid;
  const egid = setsGroup ? inode.gid : cred.egid;
  const raised = euid !== cred.uid || egid !== cred.gid;
  const asRoot = (euid === 0 || cred.uid === 0) && (cred.securebits & SECBIT_NOROOT) === 0;
  // Sets are numbers of 41 bits: root gets all that the bounding set allows, others keep what is ambient.
  const permitted = asRoot ? cred.bounding : raised && setsUser ? 0 : cred.ambient;
  const effective = asRoot ? (euid === 0 ? permitted : 0) : permitted;
  return {
    ...cred,
    euid,
    egid,
    suid: euid,
    sgid: egid,
    fsuid: euid,
    fsgid: egid,
    permitted,
    effective,
    ambient: raised ? 0 : cred.ambient,
    securebits: cred.securebits & ~SECBIT_KEEP_CAPS,
  };
}

/** AT_SECURE: the C library must not trust the environment. */
export function isSecure(before: Credentials, after: Credentials): boolean {
  return after.euid !== before.uid || after.egid !== before.gid;
}

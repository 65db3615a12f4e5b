/** Who guest programs run as: `UID`, `UID:GID`, a name, or the user who runs skas, completed by the guest's /etc/passwd and group. */
import { toText } from '../base/bytes.js';
import { userCredentials, type Credentials } from '../vfs/credentials.js';
import type { GuestTree } from './guest-tree.js';

export interface GuestUser {
  cred: Credentials;
  name: string;
  home: string;
  shell: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

const MAX_ID = 2 ** 32 - 2;

/** The user who runs this program. */
export interface HostUser {
  uid: number;
  gid: number;
  groups: readonly number[];
}

export function hostUser(): HostUser {
  const uid = process.geteuid?.() ?? 65534;
  const gid = process.getegid?.() ?? 65534;
  return { uid, gid, groups: process.getgroups?.() ?? [gid] };
}

/** Undefined when `text` names nobody. Without `text`: the host's user. */
export function findUser(tree: GuestTree, text: string | undefined, host: HostUser): GuestUser | undefined {
  const entries = parsePasswd(toText(tree.readText('/etc/passwd')));
  if (text === undefined) {
    const entry = entries.find((candidate) => candidate.uid === host.uid);
    return complete(entry, host.uid, host.gid, host.groups);
  }
  const match = /^([^:]+)(?::([^:]+))?$/.exec(text);
  if (!match) return undefined;
  const [, user, group] = match as unknown as [string, string, string | undefined];
  const uid = parseId(user);
  const entry = entries.find((candidate) => (uid === undefined ? candidate.name === user : candidate.uid === uid));
  if (uid === undefined && !entry) return undefined;
  const groupText = toText(tree.readText('/etc/group'));
  const gid = group === undefined ? (entry?.gid ?? uid!) : (parseId(group) ?? groupId(groupText, group));
  if (gid === undefined) return undefined;
  const groups = group === undefined && entry ? groupsOf(groupText, entry.name, gid) : [gid];
  return complete(entry, uid ?? entry!.uid, gid, groups);
}

function complete(entry: PasswdEntry | undefined, uid: number, gid: number, groups: readonly number[]): GuestUser {
  const cred = userCredentials(uid, gid, groups.length > 0 ? groups : [gid]);
  const home = entry?.home.startsWith('/') ? entry.home : '/';
  return { cred, name: entry?.name ?? String(uid), home, shell: entry?.shell || '/bin/sh' };
}

function parseId(text: string): number | undefined {
  const id = /^\d+$/.test(text) ? Number(text) : NaN;
  return id <= MAX_ID ? id : undefined;
}

function parsePasswd(text: string): PasswdEntry[] {
  const entries: PasswdEntry[] = [];
  for (const line of text.split('\n')) {
    const [name, , uid, gid, , home, shell] = line.split(':');
    if (name && uid && gid && /^\d+$/.test(uid) && /^\d+$/.test(gid)) {
      entries.push({ name, uid: Number(uid), gid: Number(gid), home: home ?? '/', shell: shell ?? '' });
    }
  }
  return entries;
}

function groupId(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [group, , gid] = line.split(':');
    if (group === name && gid) return parseId(gid);
  }
  return undefined;
}

/** The user's own group and those that list him. */
function groupsOf(text: string, user: string, gid: number): number[] {
  const groups = [gid];
  for (const line of text.split('\n')) {
    const [, , id, members] = line.split(':');
    const number = parseId(id ?? '');
    if (number !== undefined && number !== gid && members?.split(',').includes(user)) groups.push(number);
  }
  return groups;
}

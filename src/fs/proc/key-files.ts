/** /proc/keys, /proc/key-users and the limits of keys in /proc/sys/kernel/keys (Linux: security/keys/proc.c, sysctl.c). */
import type { ByteString } from '../../base/brands.js';
import { KEY_NEED_VIEW } from '../../abi/keyctl.js';
import { isPossessed } from '../../kernel/keys/key-search.js';
import type { Key } from '../../kernel/keys/key.js';
import type { KeyTable } from '../../kernel/keys/key-table.js';
import type { Machine } from '../../kernel/machine.js';
import { shownGid, shownUid } from '../../vfs/user-namespace.js';
import { kept, numberKnob, type Knob } from './knobs.js';

const UNITS: readonly (readonly [string, number])[] = [
  ['w', 604800],
  ['d', 86400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

function timeLeft(key: Key, nowNs: number): string {
  if (key.expiresNs === Infinity) return 'perm';
  if (nowNs >= key.expiresNs) return 'expd';
  const seconds = Math.floor((key.expiresNs - nowNs) / 1e9);
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? ['s', 1];
  return `${Math.floor(seconds / length)}${unit}`;
}

function summary(key: Key): string {
  if (key.links) return `${key.description}: ${key.links.size === 0 ? 'empty' : key.links.size}`;
  return key.failure !== 0 ? key.description : `${key.description}: ${key.payload.length}`;
}

function lineOf(key: Key, machine: Machine, nowNs: number): string {
  const { userNs } = machine.current.cred;
  const { serial, revoked, failure, invalidated, uses, permissions, uid, gid, type } = key;
  const states = `I${revoked ? 'R' : '-'}-Q-${failure !== 0 ? 'N' : '-'}${invalidated ? 'i' : '-'}`;
  const owner = `${String(shownUid(userNs, uid)).padStart(5)} ${String(gid < 0 ? 65534 : shownGid(userNs, gid)).padStart(5)}`;
  const left = timeLeft(key, nowNs).padStart(4);
  return `${hex(serial)} ${states} ${String(uses).padStart(5)} ${left} ${hex(permissions)} ${owner} ${type.name.padEnd(9)} ${summary(key)}\n`;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** The keys that the reader may view. */
export function keysText(machine: Machine): ByteString {
  const { current } = machine;
  const now = machine.clock.monotonicNs();
  let text = '';
  for (const key of [...machine.keys.all()].sort((a, b) => a.serial - b.serial)) {
    if (key.permits(current.cred, isPossessed(current, key), KEY_NEED_VIEW)) text += lineOf(key, machine, now);
  }
  return text;
}

export function keyUsersText(machine: Machine): ByteString {
  const { keys } = machine;
  let text = '';
  for (const [uid, { keys: count, bytes }] of [...keys.owners()].sort(([a], [b]) => a - b)) {
    const quota = keys.quotaOf(uid);
    const shown = String(shownUid(machine.current.cred.userNs, uid)).padStart(5);
    text += `${shown}: ${String(count).padStart(5)} ${count}/${count} ${count}/${quota.keys} ${bytes}/${quota.bytes}\n`;
  }
  return text;
}

/** Names below /proc/sys/kernel/keys. */
export function keySettings(machine: Machine): Readonly<Record<string, Knob>> {
  const limit = (name: keyof KeyTable['limits']): Knob =>
    numberKnob(
      () => machine.keys.limits[name],
      (value) => (machine.keys.limits[name] = value),
      0,
      2 ** 31 - 1,
    );
  return {
    maxkeys: limit('maxkeys'),
    maxbytes: limit('maxbytes'),
    root_maxkeys: limit('rootMaxkeys'),
    root_maxbytes: limit('rootMaxbytes'),
    gc_delay: kept(300),
  };
}

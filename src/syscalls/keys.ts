/** Keys and key rings (add_key(2), request_key(2), keyctl(2); keyrings(7)). */
import { isErr, type ByteString, type Errno, type GuestAddr } from '../base/brands.js';
import { bytesOf } from '../base/bytes.js';
import { EFAULT, EINVAL, ENAMETOOLONG, ENOKEY, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import * as abi from '../abi/keyctl.js';
import * as control from '../kernel/keys/key-control.js';
import { addKey, requestKey as request } from '../kernel/keys/key-making.js';
import { address, ARGUMENT_REGISTERS, int, partial, size, syscall, ulong } from '../kernel/syscall.js';
import type { Task } from '../kernel/task.js';

const MAX_TYPE = 32;
const MAX_DESCRIPTION = 4096;
const MAX_PAYLOAD = 2 ** 20 - 1;
const PAGE = 4096;

/** A string of fewer than `room` bytes, EINVAL when it is longer. */
function readText(task: Task, at: GuestAddr, room: number): ByteString | Errno {
  const text = task.mm.copyInString(at, room);
  return text === ENAMETOOLONG ? EINVAL : text;
}

/** The name of a type; those with a dot are the kernel's. */
function readType(task: Task, at: GuestAddr): ByteString | Errno {
  const name = readText(task, at, MAX_TYPE);
  if (name === '') return EINVAL;
  return typeof name === 'string' && name.startsWith('.') ? EPERM : name;
}

function readPayload(task: Task, at: GuestAddr, length: number): Uint8Array | Errno {
  const bytes = new Uint8Array(length);
  return length > 0 && isErr(task.mm.copyIn(at, bytes)) ? EFAULT : bytes;
}

export const addKeyCall = syscall('add_key', [address, address, address, size, int], (task, typeAt, nameAt, at, length, ring) => {
  if (length > MAX_PAYLOAD) return EINVAL;
  const type = readType(task, typeAt);
  if (isErr(type)) return type;
  const name = nameAt === 0 ? '' : readText(task, nameAt, MAX_DESCRIPTION);
  if (isErr(name)) return name;
  if ((name as ByteString).startsWith('.') && (type as ByteString).startsWith('keyring')) return EPERM;
  const payload = readPayload(task, at, length);
  return isErr(payload) ? payload : addKey(task, type as ByteString, name as ByteString, payload, ring);
});

export const requestKey = syscall(
  'request_key',
  [address, address, address, int],
  (task, typeAt, nameAt, calloutAt, ring) => {
    const type = readType(task, typeAt);
    if (isErr(type)) return type;
    const name = readText(task, nameAt, MAX_DESCRIPTION);
    if (isErr(name)) return name;
    const callout = calloutAt === 0 ? '' : readText(task, calloutAt, PAGE);
    if (isErr(callout)) return callout;
    return request(task, type as ByteString, name as ByteString, calloutAt !== 0, ring);
  },
  partial('no program is asked for a key: what is not there cannot be had'),
);

/** Gives what fits, all or nothing; the answer is its length. */
function give(task: Task, bytes: Uint8Array | Errno, at: GuestAddr, room: number): number {
  if (isErr(bytes)) return bytes;
  const { length } = bytes as Uint8Array;
  if (at === 0 || room < length || length === 0) return length;
  return isErr(task.mm.copyOut(at, bytes as Uint8Array)) ? EFAULT : length;
}

/** Text with its NUL, if all of it fits. */
function giveText(task: Task, text: ByteString | Errno, at: GuestAddr, room: number): number {
  if (typeof text === 'number') return text;
  return give(task, bytesOf(text, 1), at, room);
}

function updateFrom(task: Task, id: number, at: GuestAddr, length: number): number {
  if (length > PAGE) return EINVAL;
  const payload = readPayload(task, at, length);
  return isErr(payload) ? payload : control.update(task, id, payload);
}

function searchFor(task: Task, ring: number, typeAt: GuestAddr, nameAt: GuestAddr, destination: number): number {
  const type = readType(task, typeAt);
  if (isErr(type)) return type;
  const name = readText(task, nameAt, MAX_DESCRIPTION);
  return isErr(name) ? name : control.search(task, ring, type as ByteString, name as ByteString, destination);
}

function join(task: Task, nameAt: GuestAddr): number {
  const name = nameAt === 0 ? undefined : readText(task, nameAt, MAX_DESCRIPTION);
  return isErr(name) ? name : control.joinSessionKeyring(task, name as ByteString | undefined);
}

const CAPABILITIES = Uint8Array.of(
  abi.KEYCTL_CAPS0_CAPABILITIES | abi.KEYCTL_CAPS0_BIG_KEY | abi.KEYCTL_CAPS0_INVALIDATE | abi.KEYCTL_CAPS0_MOVE,
  0,
);

/** The whole buffer is written: zeros behind what there is. */
function capabilities(task: Task, at: GuestAddr, room: number): number {
  const { length } = CAPABILITIES;
  if (at === 0 || room === 0) return length;
  const stored = task.mm.copyOut(at, CAPABILITIES, 0, Math.min(room, length));
  if (isErr(stored)) return stored;
  return room > length && isErr(task.mm.clearUser(at + length, room - length)) ? EFAULT : length;
}

/** Argument `n` of the call as an int or a key's number, and as a pointer or length. */
function number(task: Task, n: number): number {
  return task.thread.regs.i32of(ARGUMENT_REGISTERS[n]!);
}
function word(task: Task, n: number): number {
  return task.thread.regs.get(ARGUMENT_REGISTERS[n]!);
}

/** Argument 0 is the operation's number. */
const OPERATIONS: Readonly<Record<number, (task: Task) => number>> = {
  [abi.KEYCTL_GET_KEYRING_ID]: (task) => control.getKeyringId(task, number(task, 1), number(task, 2) !== 0),
  [abi.KEYCTL_JOIN_SESSION_KEYRING]: (task) => join(task, word(task, 1)),
  [abi.KEYCTL_UPDATE]: (task) => updateFrom(task, number(task, 1), word(task, 2), word(task, 3)),
  [abi.KEYCTL_REVOKE]: (task) => control.revoke(task, number(task, 1)),
  [abi.KEYCTL_CHOWN]: (task) => control.chown(task, number(task, 1), number(task, 2), number(task, 3)),
  [abi.KEYCTL_SETPERM]: (task) => control.setPermissions(task, number(task, 1), number(task, 2)),
  [abi.KEYCTL_DESCRIBE]: (task) => giveText(task, control.describe(task, number(task, 1)), word(task, 2), word(task, 3)),
  [abi.KEYCTL_CLEAR]: (task) => control.clear(task, number(task, 1)),
  [abi.KEYCTL_LINK]: (task) => control.link(task, number(task, 1), number(task, 2)),
  [abi.KEYCTL_UNLINK]: (task) => control.unlink(task, number(task, 1), number(task, 2)),
  [abi.KEYCTL_SEARCH]: (task) => searchFor(task, number(task, 1), word(task, 2), word(task, 3), number(task, 4)),
  [abi.KEYCTL_READ]: (task) => give(task, control.read(task, number(task, 1)), word(task, 2), word(task, 3)),
  [abi.KEYCTL_INSTANTIATE]: (task) => (word(task, 3) > MAX_PAYLOAD ? EINVAL : EPERM),
  [abi.KEYCTL_NEGATE]: () => EPERM,
  [abi.KEYCTL_SET_REQKEY_KEYRING]: (task) => control.setRequestDefault(task, number(task, 1)),
  [abi.KEYCTL_SET_TIMEOUT]: (task) => control.setTimeout(task, number(task, 1), number(task, 2) >>> 0),
  [abi.KEYCTL_ASSUME_AUTHORITY]: (task) => (number(task, 1) < 0 ? EINVAL : number(task, 1) === 0 ? 0 : ENOKEY),
  [abi.KEYCTL_GET_SECURITY]: (task) => giveText(task, control.securityLabel(task, number(task, 1)), word(task, 2), word(task, 3)),
  [abi.KEYCTL_SESSION_TO_PARENT]: (task) => control.sessionToParent(task),
  [abi.KEYCTL_REJECT]: () => EPERM,
  [abi.KEYCTL_INSTANTIATE_IOV]: () => EPERM,
  [abi.KEYCTL_INVALIDATE]: (task) => control.invalidate(task, number(task, 1)),
  [abi.KEYCTL_MOVE]: (task) => control.move(task, number(task, 1), number(task, 2), number(task, 3), number(task, 4)),
  [abi.KEYCTL_CAPABILITIES]: (task) => capabilities(task, word(task, 1), word(task, 2)),
};

export const keyctl = syscall(
  'keyctl',
  [int, ulong, ulong, ulong, ulong],
  (task, operation) => OPERATIONS[operation]?.(task) ?? EOPNOTSUPP,
  partial('no persistent rings, restrictions, public keys, Diffie-Hellman, watches'),
);

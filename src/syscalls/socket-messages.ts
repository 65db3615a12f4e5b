/** sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg (Linux: net/socket.c). */
import { isBlocking, thenDo, type Blocking } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EFAULT, EINVAL, EMSGSIZE, ENOBUFS, EPIPE } from '../abi/errno.js';
import { UIO_MAXIOV } from '../abi/fs.js';
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_WAITFORONE,
} from '../abi/socket.js';
import { MMSGHDR_LENGTH, MMSGHDR_SIZE, MSGHDR, SOCKADDR_MAX, type Msghdr } from '../abi/socket-struct.js';
import { TIMESPEC } from '../abi/time-struct.js';
import { address, buffer, fd, flags, int, ptr, size, syscall, uint } from '../kernel/syscall.js';
import { installFile } from '../kernel/task-files.js';
import { bufferOf, buffersOf, raiseForWrite } from '../kernel/task-io.js';
import type { Task } from '../kernel/task.js';
import type { IoVec } from '../mm/io-vec.js';
import { ControlWriter, credentialsFor, parseControl } from '../net/control-messages.js';
import { receiveRequest, type ReceiveRequest, type SendRequest, type Socket } from '../net/socket.js';
import { receiveOn, sendOn } from '../net/socket-wait.js';
import { dropFile } from '../vfs/fd-table.js';
import type { OpenFile } from '../vfs/open-file.js';
import { deadlineAt } from './poll.js';
import { readAddress, socketOf, writeAddress } from './sockets.js';

const MSG_FLAGS = {
  MSG_OOB,
  MSG_PEEK,
  MSG_CTRUNC,
  MSG_TRUNC,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_WAITALL,
  MSG_NOSIGNAL,
  MSG_WAITFORONE,
  MSG_CMSG_CLOEXEC,
};
/** net.core.optmem_max: more control data than this is ENOBUFS. */
const MAX_CONTROL = 131072;
const NO_FILES: readonly OpenFile[] = [];

type Answer = number | Blocking<number>;

function send(task: Task, socket: Socket, request: SendRequest): Answer {
  return thenDo(sendOn(task, socket, request), (result) => {
    if (result === EPIPE && socket.raisesSigpipe && (request.flags & MSG_NOSIGNAL) === 0) raiseForWrite(task, EPIPE);
    return result;
  });
}

export const sendto = syscall(
  'sendto',
  [fd, buffer(2), size, flags(MSG_FLAGS), address, int],
  (task, number, at, length, options, namePointer, nameLength) => {
    const socket = socketOf(task, number);
    if (isErr(socket)) return socket;
    const io = bufferOf(task, at, length);
    if (isErr(io)) return io;
    const destination = namePointer === 0 ? undefined : readAddress(task, namePointer, nameLength);
    if (isErr(destination)) return destination;
    return send(task, socket, {
      io,
      flags: options,
      destination: destination as Uint8Array | undefined,
      files: NO_FILES,
      credentials: undefined,
    });
  },
);

export const recvfrom = syscall(
  'recvfrom',
  [fd, buffer('result'), size, flags(MSG_FLAGS), address, address],
  (task, number, at, length, options, namePointer, lengthPointer) => {
    const socket = socketOf(task, number);
    if (isErr(socket)) return socket;
    const io = bufferOf(task, at, length);
    if (isErr(io)) return io;
    const request = receiveRequest(io, options);
    return thenDo(receiveOn(socket, request), (result) => {
      for (const file of request.files) dropFile(file);
      if (isErr(result) || namePointer === 0) return result;
      const written = writeAddress(task, request.source ?? new Uint8Array(0), namePointer, lengthPointer);
      return written === 0 ? result : written;
    });
  },
);

/** What both directions need of a struct msghdr. */
function readHeader(task: Task, pointer: number): { header: Msghdr; io: IoVec } | Errno {
  const header = task.mm.readStruct(pointer, MSGHDR);
  if (isErr(header)) return header;
  if (header.iovLength > UIO_MAXIOV) return EMSGSIZE;
  const io = buffersOf(task, header.iov, header.iovLength);
  return isErr(io) ? io : { header, io };
}

function sendMessage(task: Task, socket: Socket, pointer: number, options: number): Answer {
  const message = readHeader(task, pointer);
  if (isErr(message)) return message;
  const { header, io } = message;
  if (header.nameLength > 0x7fffffff) return EINVAL;
  const named = header.name !== 0 && header.nameLength > 0;
  const destination = named ? readAddress(task, header.name, Math.min(header.nameLength, SOCKADDR_MAX)) : undefined;
  if (isErr(destination)) return destination;
  if (header.controlLength > MAX_CONTROL) return ENOBUFS;
  const control = new Uint8Array(header.control === 0 ? 0 : header.controlLength);
  if (control.length > 0 && isErr(task.copyIn(header.control, control))) return EFAULT;
  const sent = parseControl(task, control);
  if (isErr(sent)) return sent;
  // Held until the message has them, as the call may have to wait and the descriptors be closed.
  const held = sent.files.slice();
  for (const file of held) file.references++;
  const request = {
    io,
    flags: options,
    destination: destination as Uint8Array | undefined,
    files: sent.files,
    credentials: sent.credentials,
    control: sent.others,
  };
  return finallyDo(send(task, socket, request), () => held.forEach(dropFile));
}

/** Runs `end` once the answer is there, however that comes about. */
function finallyDo(answer: Answer, end: () => void): Answer {
  if (isBlocking(answer)) return finallyLater(answer, end);
  end();
  return answer;
}

function* finallyLater(answer: Blocking<number>, end: () => void): Blocking<number> {
  try {
    return yield* answer;
  } finally {
    end();
  }
}

export const sendmsg = syscall('sendmsg', [fd, ptr(MSGHDR), flags(MSG_FLAGS)], (task, number, pointer, options) => {
  const socket = socketOf(task, number);
  return isErr(socket) ? socket : sendMessage(task, socket, pointer, options);
});

/** Gives the receiver descriptors for the files that came, as many as there is room for. */
function installReceived(task: Task, files: readonly OpenFile[], control: ControlWriter, cloexec: boolean): void {
  const fds: number[] = [];
  const room = control.roomForFiles;
  for (const file of files) {
    if (fds.length >= room || control.isTruncated) {
      control.isTruncated = true;
      dropFile(file);
      continue;
    }
    const number = installFile(task, file, cloexec);
    if (isErr(number)) control.isTruncated = true;
    else fds.push(number);
  }
  if (fds.length > 0) control.putFiles(fds);
}

function receiveMessage(task: Task, socket: Socket, pointer: number, options: number): Answer {
  const message = readHeader(task, pointer);
  if (isErr(message)) return message;
  const { header, io } = message;
  if (header.nameLength > 0x7fffffff) return EINVAL;
  const request = receiveRequest(io, options, true);
  return thenDo(receiveOn(socket, request), (result) => {
    if (!isErr(result)) return finishReceive(task, pointer, header, request, options, result);
    for (const file of request.files) dropFile(file);
    return result;
  });
}

function finishReceive(
  task: Task,
  pointer: number,
  header: Msghdr,
  request: ReceiveRequest,
  options: number,
  result: number,
): number | Errno {
  const control = new ControlWriter(header.control === 0 ? 0 : Math.min(header.controlLength, MAX_CONTROL));
  for (const { level, type, data } of request.control ?? []) control.put(level, type, data);
  if (request.credentials) control.putCredentials(credentialsFor(task, request.credentials));
  if (request.files.length > 0) installReceived(task, request.files, control, (options & MSG_CMSG_CLOEXEC) !== 0);
  if (request.senderPid !== undefined) control.putPidfd(task, request.senderPid);
  const { mm } = task;
  const source = request.source ?? new Uint8Array(0);
  const name = source.subarray(0, Math.min(header.nameLength, source.length));
  if (header.name !== 0 && name.length > 0 && isErr(mm.copyOut(header.name, name))) return EFAULT;
  if (control.length > 0 && isErr(mm.copyOut(header.control, control.bytes, 0, control.length))) return EFAULT;
  const outFlags = request.outFlags | (control.isTruncated ? MSG_CTRUNC : 0) | (options & MSG_CMSG_CLOEXEC);
  const { offsets } = MSGHDR;
  const failed =
    (header.name !== 0 && isErr(mm.writeU32(pointer + offsets.nameLength, source.length))) ||
    isErr(mm.writeU64(pointer + offsets.controlLength, control.length)) ||
    isErr(mm.writeU32(pointer + offsets.flags, outFlags >>> 0));
  return failed ? EFAULT : result;
}

export const recvmsg = syscall('recvmsg', [fd, ptr(MSGHDR, true), flags(MSG_FLAGS)], (task, number, pointer, options) => {
  const socket = socketOf(task, number);
  return isErr(socket) ? socket : receiveMessage(task, socket, pointer, options);
});

/** Several messages in one call: the count of those that went before the first failure. */
function* eachMessage(
  task: Task,
  vector: number,
  count: number,
  move: (pointer: number, index: number) => Answer | undefined,
): Blocking<number> {
  let done = 0;
  while (done < count) {
    const at = vector + done * MMSGHDR_SIZE;
    const answer = move(at, done);
    if (answer === undefined) break;
    const result = isBlocking(answer) ? yield* answer : answer;
    if (isErr(result)) return done > 0 ? done : result;
    if (isErr(task.mm.writeU32(at + MMSGHDR_LENGTH, result))) return done > 0 ? done : EFAULT;
    done++;
  }
  return done;
}

export const sendmmsg = syscall('sendmmsg', [fd, address, uint, flags(MSG_FLAGS)], (task, number, vector, count, options) => {
  const socket = socketOf(task, number);
  if (isErr(socket)) return socket;
  return eachMessage(task, vector, Math.min(count, UIO_MAXIOV), (at) => sendMessage(task, socket, at, options));
});

export const recvmmsg = syscall(
  'recvmmsg',
  [fd, address, uint, flags(MSG_FLAGS), ptr(TIMESPEC)],
  (task, number, vector, count, options, timeout) => {
    const socket = socketOf(task, number);
    if (isErr(socket)) return socket;
    const deadlineNs = deadlineAt(task, timeout);
    if (isErr(deadlineNs)) return deadlineNs;
    // As in Linux, the timeout is only looked at between two messages.
    return eachMessage(task, vector, Math.min(count, UIO_MAXIOV), (at, index) => {
      if (index > 0 && deadlineNs !== Infinity && task.machine.clock.monotonicNs() >= deadlineNs) return undefined;
      const afterFirst = index > 0 && (options & MSG_WAITFORONE) !== 0 ? MSG_DONTWAIT : 0;
      return receiveMessage(task, socket, at, (options & ~MSG_WAITFORONE) | afterFirst);
    });
  },
);

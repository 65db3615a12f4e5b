/**
 * Where socket calls sleep (Linux: sock_wait_for_wmem, unix_stream_data_wait, ...). An operation that answered EAGAIN is
 * repeated when its queues wake, until SO_RCVTIMEO or SO_SNDTIMEO passes. The socket stays open meanwhile, whoever closes it.
 */
import { sleepOnAny, type Blocking, type WaitSource } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EAGAIN, EINTR, ETIMEDOUT } from '../abi/errno.js';
import { MSG_DONTWAIT, MSG_ERRQUEUE, MSG_WAITALL } from '../abi/socket.js';
import type { Task } from '../kernel/task.js';
import { dropFile } from '../vfs/fd-table.js';
import { RECEIVE_EVENTS, type ReceiveRequest, type SendRequest, type Socket } from './socket.js';

function mayWait(socket: Socket, flags: number): boolean {
  // The queue of errors is never waited for.
  return !socket.nonBlocking && (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) === 0;
}

/** One sleep: 0, EAGAIN at the deadline; a signal restarts only calls without one. */
function* sleepForSocket(sources: readonly WaitSource[], deadlineNs: number): Blocking<0 | Errno> {
  const woken = yield* sleepOnAny(sources, { deadlineNs });
  if (!isErr(woken)) return 0;
  if (woken === ETIMEDOUT) return EAGAIN;
  return deadlineNs === Infinity ? woken : EINTR;
}

function receiveSources(socket: Socket): WaitSource[] {
  return [{ queue: socket.queue, mask: RECEIVE_EVENTS, exclusive: false }];
}

/** send, sendto, sendmsg: all of a stream's bytes, or one message. */
export function sendOn(task: Task, socket: Socket, request: SendRequest): number | Blocking<number> {
  const result = socket.send(request);
  if (result > 0) request.files = [];
  const isUnfinished = result === EAGAIN || (result > 0 && socket.writesAll && request.io.remaining > 0);
  return isUnfinished && mayWait(socket, request.flags) ? sendRest(task, socket, request, Math.max(result, 0)) : result;
}

function* sendRest(task: Task, socket: Socket, request: SendRequest, moved: number): Blocking<number> {
  const deadlineNs = socket.waitDeadlineNs(true);
  let total = moved;
  socket.references++;
  try {
    for (;;) {
      const result = socket.send(request);
      if (result > 0) {
        request.files = [];
        total += result;
        if (!socket.writesAll || request.io.remaining === 0) return total;
      } else if (result !== EAGAIN) {
        return total > 0 ? total : result;
      } else {
        const woken = yield* sleepForSocket(socket.sendSources(request.destination, task), deadlineNs);
        if (isErr(woken)) return total > 0 ? total : woken;
      }
    }
  } finally {
    dropFile(socket);
  }
}

/** recv, recvfrom, recvmsg. */
export function receiveOn(socket: Socket, request: ReceiveRequest): number | Blocking<number> {
  const result = socket.receive(request);
  if (!mayWait(socket, request.flags) || !wantsMore(request, result)) return result;
  if (result === EAGAIN && socket.isReceiveOver) return 0;
  return receiveRest(socket, request, Math.max(result, 0));
}

function wantsMore(request: ReceiveRequest, result: number): boolean {
  if (result === EAGAIN) return true;
  return result > 0 && (request.flags & MSG_WAITALL) !== 0 && !request.isComplete && request.io.remaining > 0;
}

function* receiveRest(socket: Socket, request: ReceiveRequest, moved: number): Blocking<number> {
  const deadlineNs = socket.waitDeadlineNs(false);
  let total = moved;
  socket.references++;
  try {
    for (;;) {
      const result = socket.receive(request);
      if (result > 0) total += result;
      if (!wantsMore(request, result)) return result < 0 && total === 0 ? result : total;
      if (result !== EAGAIN) continue;
      if (socket.isReceiveOver) return total;
      const woken = yield* sleepForSocket(receiveSources(socket), deadlineNs);
      if (isErr(woken)) return total > 0 ? total : woken;
    }
  } finally {
    dropFile(socket);
  }
}

export function acceptOn(socket: Socket): Socket | Errno | Blocking<Socket | Errno> {
  const result = socket.accept();
  return result === EAGAIN && mayWait(socket, 0) ? acceptLater(socket) : result;
}

function* acceptLater(socket: Socket): Blocking<Socket | Errno> {
  const deadlineNs = socket.waitDeadlineNs(false);
  socket.references++;
  try {
    for (;;) {
      const result = socket.accept();
      if (result !== EAGAIN) return result;
      const woken = yield* sleepForSocket(receiveSources(socket), deadlineNs);
      if (isErr(woken)) return woken;
    }
  } finally {
    dropFile(socket);
  }
}

export function connectOn(task: Task, socket: Socket, address: Uint8Array): 0 | Errno | Blocking<0 | Errno> {
  const result = socket.connect(task, address);
  return result === EAGAIN && mayWait(socket, 0) ? connectLater(task, socket, address) : result;
}

function* connectLater(task: Task, socket: Socket, address: Uint8Array): Blocking<0 | Errno> {
  const deadlineNs = socket.waitDeadlineNs(true);
  socket.references++;
  try {
    for (;;) {
      const result = socket.connect(task, address);
      if (result !== EAGAIN) return result;
      const woken = yield* sleepForSocket(socket.connectSources(address, task), deadlineNs);
      if (isErr(woken)) return woken;
    }
  } finally {
    dropFile(socket);
  }
}

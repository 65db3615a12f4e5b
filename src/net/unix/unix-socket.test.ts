import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOTCONN,
  EPERM,
  EPIPE,
  EPROTOTYPE,
} from '../../abi/errno.js';
import { POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from '../../abi/poll.js';
import {
  AF_UNIX,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_RD,
  SHUT_WR,
  SO_ACCEPTCONN,
  SO_PEERCRED,
  SO_SNDBUF,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../abi/socket.js';
import { isErr } from '../../base/brands.js';
import { NetNamespace } from '../../kernel/net-namespace.js';
import type { Task } from '../../kernel/task.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import { userCredentials } from '../../vfs/credentials.js';
import { dropFile } from '../../vfs/fd-table.js';
import { INITIAL_USER_NAMESPACE } from '../../vfs/user-namespace.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { createSocket, createSocketPair, receiveRequest, type Socket } from '../socket.js';
import { getSocketOption, setSocketOption } from '../socket-options.js';
import { receiveOn } from '../socket-wait.js';
import { registerUnix } from './family.js';
import { filesInFlight, filesLookedAt } from './in-flight.js';
import type { UnixSocket } from './unix-socket.js';

registerUnix();

function fakeTask(): Task {
  const machine = { current: undefined as unknown };
  const task = {
    machine,
    nsproxy: { net: new NetNamespace(INITIAL_USER_NAMESPACE, true) },
    cred: userCredentials(1000, 1000),
    group: { pid: 42, pidNs: { parent: null } },
  };
  machine.current = task;
  return task as unknown as Task;
}

const task = fakeTask();

function make(type: number): Socket {
  const socket = createSocket(task, AF_UNIX, type, 0);
  assert.ok(!isErr(socket));
  return socket as Socket;
}
function pair(type: number): [UnixSocket, UnixSocket] {
  const sockets = createSocketPair(task, AF_UNIX, type, 0);
  assert.ok(!isErr(sockets));
  return sockets as [UnixSocket, UnixSocket];
}
function abstractName(name: string): Uint8Array {
  return Uint8Array.from([1, 0, 0, ...Buffer.from(name)]);
}
function send(socket: Socket, text: string, files: OpenFile[] = [], destination?: Uint8Array): number {
  return socket.send({ io: new KernelIoVec(Buffer.from(text)), flags: 0, destination, files, credentials: undefined });
}
function receive(socket: Socket, length = 100, flags = 0) {
  const target = new Uint8Array(length);
  const request = receiveRequest(new KernelIoVec(target), flags);
  const result = socket.receive(request);
  return { result, text: Buffer.from(target.subarray(0, Math.max(0, Math.min(result, length)))).toString(), request };
}
function listener(type: number, name: string, backlog = 5): Socket {
  const socket = make(type);
  assert.equal(socket.bind(task, abstractName(name)), 0);
  assert.equal(socket.listen(task, backlog), 0);
  return socket;
}

test('a stream pair carries bytes both ways, without bounds', () => {
  const [a, b] = pair(SOCK_STREAM);
  assert.equal(receive(a).result, EAGAIN);
  assert.equal(send(a, 'hello '), 6);
  assert.equal(send(a, 'world'), 5);
  assert.equal(receive(b, 5, MSG_PEEK).text, 'hello');
  assert.equal(receive(b).text, 'hello world');
  assert.equal(send(b, 'back'), 4);
  assert.equal(receive(a).text, 'back');
  assert.equal(send(a, 'x', [], abstractName('n')), EISCONN);
});

test('a full stream takes no more until a quarter of it is left', () => {
  const [a, b] = pair(SOCK_STREAM);
  let woken = 0;
  a.queue.add({ onWake: () => woken++ }, POLLOUT);
  assert.equal(send(a, 'x'.repeat(300000)), 212992);
  assert.equal(send(a, 'x'), EAGAIN);
  assert.equal(a.poll() & POLLOUT, 0);
  receive(b, 100000);
  assert.equal(woken, 0);
  receive(b, 100000);
  assert.equal(woken, 1);
  assert.equal(a.poll() & POLLOUT, POLLOUT);
});

test('listen, connect, accept; data before accept; names and credentials', () => {
  const server = listener(SOCK_STREAM, 'service');
  const client = make(SOCK_STREAM);
  assert.equal(client.poll() & POLLHUP, POLLHUP, 'a new stream socket counts as hung up');
  assert.equal(client.connect(task, abstractName('nobody')), ECONNREFUSED);
  assert.equal(make(SOCK_DGRAM).connect(task, abstractName('service')), EPROTOTYPE);
  assert.equal(server.accept(), EAGAIN);
  assert.equal(client.connect(task, abstractName('service')), 0);
  assert.equal(client.connect(task, abstractName('service')), EISCONN);
  assert.equal(send(client, 'early'), 5);
  assert.equal(server.poll() & POLLIN, POLLIN);
  const accepted = server.accept() as Socket;
  assert.equal(receive(accepted).text, 'early');
  assert.deepEqual(client.peerAddress(), abstractName('service'));
  assert.deepEqual(accepted.localAddress(), abstractName('service'));
  assert.deepEqual(accepted.peerAddress(), Uint8Array.of(1, 0));
  const peer = getSocketOption(task, client, SOL_SOCKET, SO_PEERCRED) as Uint8Array;
  assert.deepEqual([...new Uint32Array(peer.buffer)], [42, 1000, 1000]);
  assert.deepEqual([...(getSocketOption(task, server, SOL_SOCKET, SO_ACCEPTCONN) as Uint8Array)], [1, 0, 0, 0]);
});

test('a full backlog makes connect wait; closing the listener resets who was never accepted', () => {
  const server = listener(SOCK_STREAM, 'small', 0);
  const first = make(SOCK_STREAM);
  assert.equal(first.connect(task, abstractName('small')), 0);
  assert.equal(make(SOCK_STREAM).connect(task, abstractName('small')), EAGAIN);
  dropFile(server);
  assert.equal(receive(first).result, ECONNRESET);
  assert.equal(receive(first).result, 0);
  assert.equal(make(SOCK_STREAM).connect(task, abstractName('small')), ECONNREFUSED);
});

test('names: taken once, free after close, autobind', () => {
  const first = make(SOCK_DGRAM);
  assert.equal(first.bind(task, abstractName('name')), 0);
  assert.equal(make(SOCK_DGRAM).bind(task, abstractName('name')), EADDRINUSE);
  assert.equal(first.bind(task, abstractName('other')), EINVAL);
  dropFile(first);
  assert.equal(make(SOCK_DGRAM).bind(task, abstractName('name')), 0);
  const unnamed = make(SOCK_STREAM);
  assert.equal(unnamed.bind(task, Uint8Array.of(1, 0)), 0);
  assert.equal(unnamed.localAddress().length, 8);
  assert.equal(make(SOCK_STREAM).bind(task, Uint8Array.of(2, 0, 0, 1)), EINVAL);
  assert.equal(make(SOCK_STREAM).listen(task, 1), EINVAL, 'without a name');
});

test('close: the other side reads what was sent, then the end; writing is EPIPE', () => {
  const [a, b] = pair(SOCK_STREAM);
  send(a, 'last');
  dropFile(a);
  assert.equal(b.poll() & (POLLIN | POLLHUP | POLLRDHUP), POLLIN | POLLHUP | POLLRDHUP);
  assert.equal(receive(b).text, 'last');
  assert.equal(receive(b).result, 0);
  assert.equal(send(b, 'x'), EPIPE);
  const [c, d] = pair(SOCK_STREAM);
  send(d, 'unread');
  dropFile(c);
  assert.equal(receive(d).result, ECONNRESET);
  assert.equal(receive(d).result, 0);
});

test('shutdown of one direction', () => {
  const [a, b] = pair(SOCK_STREAM);
  send(a, 'rest');
  assert.equal(a.shutdown(SHUT_WR), 0);
  assert.equal(send(a, 'x'), EPIPE);
  assert.equal(b.poll() & (POLLRDHUP | POLLHUP), POLLRDHUP);
  assert.equal(receive(b).text, 'rest');
  assert.equal(receive(b).result, 0);
  assert.equal(send(b, 'still'), 5);
  assert.equal(receive(a).text, 'still');
  assert.equal(b.shutdown(SHUT_RD), 0);
  assert.equal(a.shutdown(7), EINVAL);
});

test('descriptors come with the first byte, and reads do not go over their message', () => {
  const [a, b] = pair(SOCK_STREAM);
  const [file, other] = pair(SOCK_STREAM);
  send(a, 'plain');
  send(a, 'with', [file]);
  send(a, 'after');
  assert.equal(file.references, 2);
  assert.equal(receive(b).text, 'plain');
  const peeked = receive(b, 2, MSG_PEEK);
  assert.deepEqual(peeked.request.files, [file]);
  assert.equal(file.references, 3);
  dropFile(file);
  const got = receive(b, 2);
  assert.deepEqual([got.text, got.request.files], ['wi', [file]]);
  const rest = receive(b);
  assert.deepEqual([rest.text, rest.request.files], ['th', []]);
  assert.equal(receive(b).text, 'after');
  assert.equal(file.references, 2);
  assert.equal(filesInFlight(), 0);
  dropFile(other);
});

test('unread descriptors are closed with the socket', () => {
  const [a, b] = pair(SOCK_STREAM);
  const [file] = pair(SOCK_STREAM);
  send(a, 'x', [file]);
  dropFile(file);
  assert.ok(!file.isReleased);
  dropFile(b);
  assert.ok(file.isReleased);
  assert.equal(filesInFlight(), 0);
});

test('a circle of sockets in each other is collected', () => {
  const [a, b] = pair(SOCK_STREAM);
  const [c, d] = pair(SOCK_DGRAM);
  send(a, 'x', [c]); // c lies in b
  send(c, 'x', [b]); // b lies in d
  send(c, 'x', [d]); // d lies in d
  dropFile(b);
  dropFile(d);
  assert.ok(!b.isReleased && !d.isReleased, 'c still leads to them');
  dropFile(c);
  dropFile(pair(SOCK_STREAM)[0]); // any close looks for circles
  assert.ok(b.isReleased && c.isReleased && d.isReleased);
  assert.equal(filesInFlight(), 0);
  dropFile(a);
});

test('a long chain of sockets in each other is dropped without recursion', () => {
  const [first, holder] = pair(SOCK_DGRAM);
  let inner: UnixSocket | undefined;
  // Several calls deep for each: recursion would overflow the stack.
  for (let i = 0; i < 3000; i++) {
    const [x, y] = pair(SOCK_DGRAM);
    if (inner) {
      send(x, '', [inner]);
      dropFile(inner);
    }
    dropFile(x);
    inner = y;
  }
  send(first, '', [inner!]);
  dropFile(inner!);
  dropFile(holder);
  assert.ok(inner!.isReleased);
  assert.equal(filesInFlight(), 0);
});

test('closing many sockets while many are in flight costs in proportion to the closes', () => {
  const SOCKETS = 4000;
  const [sender, holder] = pair(SOCK_STREAM);
  const before = filesLookedAt();
  for (let i = 0; i < SOCKETS; i++) {
    const [carried, other] = pair(SOCK_DGRAM);
    send(sender, 'x', [carried]);
    dropFile(carried);
    dropFile(other); // looks for circles among all that are in flight
  }
  for (let i = 0; i < SOCKETS; i++) dropFile(make(SOCK_DGRAM));
  assert.ok(filesLookedAt() - before < 2 * SOCKETS * 200, `${filesLookedAt() - before} files looked at`);
  dropFile(sender);
  dropFile(holder);
  assert.equal(filesInFlight(), 0);
});

test('datagrams keep their bounds, tell their sender, and may be cut', () => {
  const receiver = make(SOCK_DGRAM);
  const sender = make(SOCK_DGRAM);
  receiver.bind(task, abstractName('r'));
  sender.bind(task, abstractName('s'));
  assert.equal(send(sender, 'x'), ENOTCONN);
  assert.equal(send(sender, 'one', [], abstractName('r')), 3);
  assert.equal(sender.connect(task, abstractName('r')), 0);
  assert.equal(send(sender, ''), 0);
  assert.equal(send(sender, 'three'), 5);
  const first = receive(receiver);
  assert.deepEqual([first.text, first.request.source], ['one', abstractName('s')]);
  assert.equal(receive(receiver).result, 0);
  const cut = receive(receiver, 2, MSG_TRUNC);
  assert.deepEqual([cut.result, cut.request.outFlags], [5, MSG_TRUNC]);
  assert.equal(receive(receiver).result, EAGAIN);
  assert.equal(send(sender, 'x'.repeat(300000)), EMSGSIZE);
  const [paired] = pair(SOCK_DGRAM);
  paired.bind(task, abstractName('p'));
  assert.equal(send(sender, 'x', [], abstractName('p')), EPERM);
  dropFile(receiver);
  assert.equal(send(sender, 'x'), ECONNREFUSED);
  assert.equal(send(sender, 'x'), ENOTCONN);
});

test('a datagram socket that nobody reads makes strangers wait', () => {
  const receiver = make(SOCK_DGRAM);
  receiver.bind(task, abstractName('slow'));
  const sender = make(SOCK_DGRAM);
  sender.connect(task, abstractName('slow'));
  let sent = 0;
  while (send(sender, 'x') === 1) sent++;
  assert.equal(sent, 11);
  assert.equal(sender.poll() & POLLOUT, 0);
  let woken = 0;
  sender.queue.add({ onWake: () => woken++ }, POLLOUT);
  receive(receiver);
  assert.equal(woken > 0, true);
  assert.equal(sender.poll() & POLLOUT, POLLOUT);
});

test('seqpacket: connections with bounds', () => {
  const server = listener(SOCK_SEQPACKET, 'seq');
  const client = make(SOCK_SEQPACKET);
  assert.equal(receive(client).result, ENOTCONN);
  assert.equal(client.connect(task, abstractName('seq')), 0);
  const accepted = server.accept() as Socket;
  send(client, 'first');
  send(client, 'second');
  assert.equal(receive(accepted, 3).text, 'fir');
  assert.equal(receive(accepted).text, 'second');
  dropFile(client);
  assert.equal(receive(accepted).result, 0);
  assert.equal(send(accepted, 'x'), EPIPE);
});

test('options', () => {
  const socket = make(SOCK_STREAM);
  const int = (value: number) => new Uint8Array(Int32Array.of(value).buffer);
  assert.deepEqual(getSocketOption(task, socket, SOL_SOCKET, SO_TYPE), int(SOCK_STREAM));
  assert.equal(setSocketOption(task, socket, SOL_SOCKET, SO_SNDBUF, int(10000)), 0);
  assert.deepEqual(getSocketOption(task, socket, SOL_SOCKET, SO_SNDBUF), int(20000));
  assert.equal(setSocketOption(task, socket, SOL_SOCKET, SO_SNDBUF, Uint8Array.of(1)), EINVAL);
});

test('MSG_WAITALL waits for all of it, and keeps the socket open meanwhile', () => {
  const [a, b] = pair(SOCK_STREAM);
  send(a, 'ab');
  const target = new Uint8Array(4);
  const answer = receiveOn(b, receiveRequest(new KernelIoVec(target), MSG_WAITALL));
  assert.ok(typeof answer === 'object');
  assert.equal(answer.next(0).done, false);
  dropFile(b);
  assert.ok(!b.isReleased);
  send(a, 'cd');
  assert.deepEqual(answer.next(0), { done: true, value: 4 });
  assert.equal(Buffer.from(target).toString(), 'abcd');
  assert.ok(b.isReleased);
});

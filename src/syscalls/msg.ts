/** System V message queues (msgget(2), msgop(2), msgctl(2)). */
import { isErr, type Errno } from '../base/brands.js';
import type { Blocking } from '../base/blocking.js';
import { EFAULT, EINVAL } from '../abi/errno.js';
import {
  IPC_64,
  IPC_CREAT,
  IPC_EXCL,
  IPC_INFO,
  IPC_NOWAIT,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  MSG_COPY,
  MSG_EXCEPT,
  MSG_INFO,
  MSG_NOERROR,
  MSG_STAT,
  MSG_STAT_ANY,
} from '../abi/ipc.js';
import { MSGINFO, MSQID_DS, type MsqidDs } from '../abi/ipc-struct.js';
import { msgget as get, msgrcv as receive, msgsnd as send, removeMsg, setMsg, type MessageQueue } from '../kernel/ipc/msg.js';
import { address, flags, int, long, oneOf, syscall } from '../kernel/syscall.js';
import { pidFor } from '../kernel/pid-namespace.js';
import type { Task } from '../kernel/task.js';
import { ipcStat, permFields, type IpcKind } from './ipc-control.js';

/** Bytes of the type in front of a message's text. */
const TYPE_SIZE = 8;

export const msgget = syscall('msgget', [int, flags({ IPC_CREAT, IPC_EXCL })], get);

/** All 64 bits of a type, exact within 2^53, which keeps order and sign of the rest. */
function readType(task: Task, at: number): number | undefined {
  const low = task.mm.readU32(at);
  const high = task.mm.readU32(at + 4);
  return isErr(low) || isErr(high) ? undefined : low + (high | 0) * 4294967296;
}

export const msgsnd = syscall('msgsnd', [int, address, long, flags({ IPC_NOWAIT })], (task, id, at, length, options) => {
  const type = readType(task, at);
  if (type === undefined) return EFAULT;
  if (length < 0 || length > task.nsproxy.ipc.limits.msgmax || id < 0 || type < 1) return EINVAL;
  const bytes = new Uint8Array(length);
  const copied = task.mm.copyIn(at + TYPE_SIZE, bytes);
  return isErr(copied) ? copied : send(task, id, { type, bytes }, options);
});

export const msgrcv = syscall('msgrcv', [int, address, long, long, flags({ IPC_NOWAIT, MSG_NOERROR, MSG_EXCEPT, MSG_COPY })], receiveInto);

function* receiveInto(task: Task, id: number, at: number, length: number, type: number, options: number): Blocking<number> {
  const message = yield* receive(task, id, length, type, options);
  if (isErr(message)) return message;
  const { bytes } = message as { bytes: Uint8Array; type: number };
  const stored = task.mm.writeU64(at, (message as { type: number }).type);
  if (isErr(stored)) return stored;
  const copied = task.mm.copyOut(at + TYPE_SIZE, bytes);
  return isErr(copied) ? copied : bytes.length;
}

const COMMANDS = { IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO, MSG_STAT, MSG_INFO, MSG_STAT_ANY };

export const msgctl = syscall('msgctl', [int, oneOf(COMMANDS), address], (task, id, command, at) => {
  const wanted = command & ~IPC_64;
  if (id < 0 || wanted < 0) return EINVAL;
  switch (wanted) {
    case IPC_INFO:
    case MSG_INFO:
      return infoMsg(task, wanted, at);
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY:
      return ipcStat(task, MSG, id, wanted, at);
    case IPC_SET: {
      const given = task.mm.readStruct(at, MSQID_DS);
      return isErr(given) ? given : setMsg(task, id, given.uid, given.gid, given.mode, given.qbytes);
    }
    case IPC_RMID:
      return removeMsg(task, id);
    default:
      return EINVAL;
  }
});

function infoMsg(task: Task, command: number, at: number): number | Errno {
  const { ipc } = task.nsproxy;
  const { msgmax, msgmnb, msgmni } = ipc.limits;
  const used = command === MSG_INFO;
  const info = {
    msgpool: used ? ipc.msg.size : Math.floor((msgmni * msgmnb) / 1024),
    msgmap: used ? ipc.messages : msgmnb,
    msgmax,
    msgmnb,
    msgmni,
    msgssz: 16,
    msgtql: used ? ipc.messageBytes : msgmnb,
    msgseg: 0xffff,
  };
  const stored = task.mm.writeStruct(at, MSGINFO, info);
  return isErr(stored) ? stored : ipc.msg.highestSlot;
}

const MSG: IpcKind<MessageQueue, MsqidDs> = {
  table: (ipc) => ipc.msg,
  status: MSQID_DS,
  describe: ({ perm, stime, rtime, ctime, cbytes, messages, qbytes, lspid, lrpid }, task) => {
    const pids = { lspid: pidFor(task, lspid), lrpid: pidFor(task, lrpid) };
    return { ...permFields(perm), stime, rtime, ctime, cbytes, qnum: messages.length, qbytes, ...pids, unused3: 0, unused4: 0 };
  },
  statAny: MSG_STAT_ANY,
};

/** /proc/sysvipc and the limits of System V IPC in /proc/sys/kernel (Linux: ipc/util.c, ipc/ipc_sysctl.c; proc(5)). */
import type { ByteString, Errno } from '../../base/brands.js';
import { EINVAL, EPERM } from '../../abi/errno.js';
import { CAP_SYS_RESOURCE } from '../../abi/capability.js';
import { PAGE_SIZE } from '../../base/page.js';
import { IPC_SLOTS, type IpcPerm } from '../../kernel/ipc/ids.js';
import type { IpcLimits, IpcNamespace } from '../../kernel/ipc/ipc-namespace.js';
import type { MqueueLimits } from '../../kernel/ipc/mqueue-fs.js';
import type { Machine } from '../../kernel/machine.js';
import { hasCapability } from '../../vfs/credentials.js';
import type { TextSink, TextSource } from './nodes.js';

function cell(value: number | string, width: number): string {
  return String(value).padStart(width);
}

function owners({ uid, gid, cuid, cgid }: IpcPerm): string {
  return [uid, gid, cuid, cgid].map((id) => cell(id, 5)).join(' ');
}

function head({ key, id, mode }: IpcPerm): string {
  return `${cell(key, 10)} ${cell(id, 10)}  ${cell(mode.toString(8), 4)}`;
}

export function shmText(ipc: IpcNamespace): ByteString {
  let text =
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime' +
    '                   rss                  swap\n';
  for (const segment of ipc.shm.list()) {
    const { perm, size, cpid, lpid, nattch, atime, dtime, ctime, cache } = segment;
    const times = [atime, dtime, ctime].map((time) => cell(time, 10)).join(' ');
    text +=
      `${head(perm)} ${cell(size, 21)} ${cell(cpid, 5)} ${cell(lpid, 5)}  ${cell(nattch, 5)} ${owners(perm)} ${times} ` +
      `${cell(cache.residentPages * PAGE_SIZE, 21)} ${cell(0, 21)}\n`;
  }
  return text;
}

export function semText(ipc: IpcNamespace): ByteString {
  let text = '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n';
  for (const { perm, values, otime, ctime } of ipc.sem.list()) {
    text += `${head(perm)} ${cell(values.length, 10)} ${owners(perm)} ${cell(otime, 10)} ${cell(ctime, 10)}\n`;
  }
  return text;
}

export function msgText(ipc: IpcNamespace): ByteString {
  let text = '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n';
  for (const queue of ipc.msg.list()) {
    const { perm, cbytes, messages, lspid, lrpid, stime, rtime, ctime } = queue;
    const times = [stime, rtime, ctime].map((time) => cell(time, 10)).join(' ');
    text += `${head(perm)}  ${cell(cbytes, 10)} ${cell(messages.length, 10)} ${cell(lspid, 5)} ${cell(lrpid, 5)} ${owners(perm)} ${times}\n`;
  }
  return text;
}

interface Setting {
  readonly read: TextSource;
  readonly write: TextSink;
}

/** The numbers of one line, or an Errno. */
function parseNumbers(machine: Machine, text: ByteString, count: number): bigint[] | Errno {
  if (!hasCapability(machine.current.cred, CAP_SYS_RESOURCE)) return EPERM;
  const words = text.trim().split(/\s+/);
  if (words.length > count || words.some((word) => !/^\d{1,20}$/.test(word))) return EINVAL;
  const numbers = words.map((word) => BigInt(word));
  return numbers.some((number) => number >= 2n ** 64n) ? EINVAL : numbers;
}

type NumberLimit = { [K in keyof IpcLimits]: IpcLimits[K] extends number ? K : never }[keyof IpcLimits];

/** One limit of at most `most`. */
function limit(machine: Machine, name: NumberLimit, most: number): Setting {
  const limits = (): IpcLimits => machine.current.nsproxy.ipc.limits;
  return {
    read: () => `${limits()[name]}\n`,
    write: (text) => {
      const numbers = parseNumbers(machine, text, 1);
      if (typeof numbers === 'number') return numbers;
      if (numbers[0]! > BigInt(most)) return EINVAL;
      limits()[name] = Number(numbers[0]);
      return 0;
    },
  };
}

function largeLimit(machine: Machine, name: 'shmmax' | 'shmall'): Setting {
  const limits = (): IpcLimits => machine.current.nsproxy.ipc.limits;
  return {
    read: () => `${limits()[name]}\n`,
    write: (text) => {
      const numbers = parseNumbers(machine, text, 1);
      if (typeof numbers === 'number') return numbers;
      limits()[name] = numbers[0]!;
      return 0;
    },
  };
}

const SEM_LIMITS = ['semmsl', 'semmns', 'semopm', 'semmni'] as const;

function semLimits(machine: Machine): Setting {
  const limits = (): IpcLimits => machine.current.nsproxy.ipc.limits;
  // What the kernel itself would have to hold stays bounded.
  const most = SEM_LIMITS.map((name) => BigInt(name === 'semmni' ? IPC_SLOTS : machine.nsproxy.ipc.limits[name]));
  return {
    read: () => `${SEM_LIMITS.map((name) => limits()[name]).join('\t')}\n`,
    write: (text) => {
      const numbers = parseNumbers(machine, text, SEM_LIMITS.length);
      if (typeof numbers === 'number') return numbers;
      if (numbers.some((number, i) => number > most[i]!)) return EINVAL;
      for (const [i, number] of numbers.entries()) limits()[SEM_LIMITS[i]!] = Number(number);
      return 0;
    },
  };
}

const MAX_MESSAGE = 2 ** 20;

/** Names below /proc/sys/kernel. */
export function ipcSettings(machine: Machine): Readonly<Record<string, Setting>> {
  return {
    sem: semLimits(machine),
    shmmax: largeLimit(machine, 'shmmax'),
    shmall: largeLimit(machine, 'shmall'),
    shmmni: limit(machine, 'shmmni', IPC_SLOTS),
    msgmax: limit(machine, 'msgmax', MAX_MESSAGE),
    msgmnb: limit(machine, 'msgmnb', 16 * MAX_MESSAGE),
    msgmni: limit(machine, 'msgmni', IPC_SLOTS),
  };
}

const MQUEUE_MOST = {
  queues_max: 65536,
  msg_max: 65536,
  msgsize_max: 16 * MAX_MESSAGE,
  msg_default: 65536,
  msgsize_default: 16 * MAX_MESSAGE,
};

/** Names below /proc/sys/fs/mqueue. */
export function mqueueSettings(machine: Machine): Readonly<Record<string, Setting>> {
  const limits = (): MqueueLimits => machine.current.nsproxy.ipc.mqueues.limits;
  const setting = (name: keyof typeof MQUEUE_MOST): Setting => ({
    read: () => `${limits()[name]}\n`,
    write: (text) => {
      const numbers = parseNumbers(machine, text, 1);
      if (typeof numbers === 'number') return numbers;
      if (numbers[0]! < 1n || numbers[0]! > BigInt(MQUEUE_MOST[name])) return EINVAL;
      limits()[name] = Number(numbers[0]);
      return 0;
    },
  });
  return Object.fromEntries(Object.keys(MQUEUE_MOST).map((name) => [name, setting(name as keyof typeof MQUEUE_MOST)]));
}

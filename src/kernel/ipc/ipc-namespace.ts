/**
 * All of System V IPC that a set of processes sees, with its limits (Linux: struct ipc_namespace; ipc_namespaces(7)). What a
 * guest can make the kernel itself hold is bounded by the `*_TOTAL` constants, whatever the limits say.
 */
import type { Machine } from '../machine.js';
import type { Task } from '../task.js';
import { IpcTable } from './ids.js';
import { MqueueFs } from './mqueue-fs.js';
import type { MessageQueue } from './msg.js';
import type { SemaphoreSet } from './sem.js';
import { discardSegment, type ShmSegment } from './shm.js';
import { Namespace } from '../../vfs/namespace.js';
import type { UserNamespace } from '../../vfs/user-namespace.js';

/** Linux: ULONG_MAX - (1 << 24). */
const SHM_UNLIMITED = 2n ** 64n - 1n - 2n ** 24n;

/** Semaphores of all sets together. */
const SEMAPHORES_TOTAL = 1_024_000;
/** Undo values of all processes together. */
export const UNDOS_TOTAL = 256_000;
/** Bytes of all messages together, each counted with MESSAGE_OVERHEAD. */
export const MESSAGE_BYTES_TOTAL = 64 * 2 ** 20;
export const MESSAGE_OVERHEAD = 192;

/** /proc/sys/kernel: what root may change. */
export class IpcLimits {
  /** Bytes of one segment, pages of all, segments. */
  shmmax = SHM_UNLIMITED;
  shmall = SHM_UNLIMITED;
  shmmni = 4096;
  /** Semaphores of a set, of all, operations of a call, sets. */
  semmsl = 32000;
  semmns = SEMAPHORES_TOTAL;
  semopm = 500;
  semmni = 32000;
  /** Bytes of a message, of a queue; queues. */
  msgmax = 8192;
  msgmnb = 16384;
  msgmni = 32000;
}

export class IpcNamespace extends Namespace {
  readonly kind = 'ipc';
  readonly limits = new IpcLimits();
  readonly shm = new IpcTable<ShmSegment>();
  readonly sem = new IpcTable<SemaphoreSet>();
  readonly msg = new IpcTable<MessageQueue>();
  readonly mqueues = new MqueueFs(this);
  /** Pages of all segments. */
  shmPages = 0;
  semaphores = 0;
  undos = 0;
  /** Messages of all queues and their bytes, without overhead. */
  messages = 0;
  messageBytes = 0;
  private ownCharge = 0;

  constructor(
    private readonly machine: Machine,
    owner: UserNamespace,
    isFirst: boolean,
  ) {
    super('ipc', owner, isFirst);
  }

  /** Bytes of the messages of all namespaces: the kernel's heap is one. */
  get messageCharge(): number {
    return this.machine.messageCharge;
  }
  set messageCharge(bytes: number) {
    this.ownCharge += bytes - this.machine.messageCharge;
    this.machine.messageCharge = bytes;
  }

  /** What is left goes; attached segments with their last mapping. */
  protected override onUnused(): void {
    this.messageCharge -= this.ownCharge;
    for (const segment of this.shm.list()) discardSegment(segment);
  }

  currentTask(): Task {
    return this.machine.current;
  }
}

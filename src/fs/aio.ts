/**
 * Contexts of asynchronous I/O (Linux: fs/aio.c; io_setup(2)). A context is a page of the process whose address names it, and a
 * queue of completions. Operations are made while they are submitted, as Linux itself does where a file system has no other way;
 * so nothing is ever in flight, and nothing can be cancelled. Left out: IOCB_CMD_POLL; libraries that read completions from the
 * page find no magic number there and ask the kernel.
 */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { WaitQueue } from '../base/wait-queue.js';
import { EAGAIN, EINVAL } from '../abi/errno.js';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import type { IoEvent } from '../abi/aio.js';
import type { Machine } from '../kernel/machine.js';
import type { AddressSpace } from '../mm/address-space.js';
import { VM_DONTCOPY, VM_DONTEXPAND } from '../mm/vma.js';

/** What one context may be asked to hold (Linux: 0x10000000 bytes of events). */
const MOST_EVENTS = 0x10000000 / 32;

const SPARE_SLOTS = 16;

export class AioContext {
  /** Woken by completions, and by the end of the context. */
  readonly queue = new WaitQueue();
  readonly events: IoEvent[] = [];
  ended = false;

  constructor(
    /** Completions that may wait to be fetched, as asked for. */
    readonly capacity: number,
  ) {}

  /** Room is made for more than was asked for, as in Linux. */
  get slots(): number {
    return Math.max(this.capacity, SPARE_SLOTS) * 2;
  }
  get isFull(): boolean {
    return this.events.length >= this.slots;
  }

  complete(event: IoEvent): void {
    this.events.push(event);
    this.queue.wake();
  }
}

/** The contexts of an address space, by address. */
const spaces = new WeakMap<AddressSpace, Map<GuestAddr, AioContext>>();

export function findAioContext(mm: AddressSpace, address: GuestAddr): AioContext | Errno {
  return spaces.get(mm)?.get(address) ?? EINVAL;
}

/** Makes a context; its address. EAGAIN beyond fs.aio-max-nr. */
export function createAioContext(machine: Machine, mm: AddressSpace, capacity: number): GuestAddr | Errno {
  if (capacity === 0 || capacity > MOST_EVENTS) return EINVAL;
  if (machine.aioEvents + capacity > machine.sysctl.aioMaxNr) return EAGAIN;
  const address = mm.map({
    address: 0,
    length: PAGE_SIZE,
    prot: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    vmFlags: VM_DONTCOPY | VM_DONTEXPAND,
    name: '/[aio] (deleted)',
  });
  if (isErr(address)) return address;
  let contexts = spaces.get(mm);
  if (!contexts) {
    contexts = new Map();
    spaces.set(mm, contexts);
    const all = contexts;
    mm.onDispose = () => {
      for (const context of [...all.values()]) endContext(machine, context);
      all.clear();
    };
  }
  contexts.set(address, new AioContext(capacity));
  machine.aioEvents += capacity;
  return address;
}

export function destroyAioContext(machine: Machine, mm: AddressSpace, address: GuestAddr): 0 | Errno {
  const context = findAioContext(mm, address);
  if (isErr(context)) return context;
  spaces.get(mm)!.delete(address);
  endContext(machine, context);
  mm.unmap(address, PAGE_SIZE);
  return 0;
}

function endContext(machine: Machine, context: AioContext): void {
  machine.aioEvents -= context.capacity;
  context.ended = true;
  context.queue.wake();
}

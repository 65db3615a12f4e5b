/**
 * The debug registers of a tracee (Linux: arch/x86/kernel/ptrace.c, ptrace_write_dr7; hw_breakpoint.c), without hardware: while one
 * is on, the thread runs instruction by instruction, and after each the watched memory is compared with what it was. So it works
 * on every platform, at the price of a trap for each instruction. What comparing cannot see is left out: watching for reads
 * (ENOSPC, as when no register is free), writes that change nothing, and whose write it was if several threads run.
 */
import { isErr, type Errno } from '../../base/brands.js';
import { EINVAL, EIO, ENOSPC } from '../../abi/errno.js';
import { SIGTRAP, TRAP_HWBKPT } from '../../abi/signal.js';
import { RIP } from '../../platform/registers.js';
import { TASK_SIZE } from '../../platform/platform.js';
import { forceSignal } from '../signals/send.js';
import { faultInfo } from '../signals/signal-info.js';
import type { Task } from '../task.js';
import { WORK_STEP, type Trace } from './trace.js';

const BREAKPOINTS = 4;
const DR6 = 6;
const DR7 = 7;
/** What reads as one in DR6, and bit 14: a single step. */
const DR6_RESERVED = 0xffff0ff0;
export const DR_STEP = 0x4000;
const EXECUTION = 0;
const WRITE = 1;
const LENGTHS = [1, 2, 8, 4] as const;

/** A breakpoint that is on. */
interface Watch {
  /** Its bit in DR6. */
  readonly bit: number;
  readonly address: number;
  readonly length: number;
  readonly isExecution: boolean;
  readonly value: Uint8Array;
}

const word = new Uint8Array(8);

export class DebugRegisters {
  private readonly addresses = [0, 0, 0, 0];
  private status = 0;
  private control = 0;
  private watches: Watch[] = [];

  /** The thread has to be stepped. */
  get isOn(): boolean {
    return this.watches.length > 0;
  }

  read(index: number): number {
    if (index < BREAKPOINTS) return this.addresses[index]!;
    if (index === DR6) return (this.status ^ DR6_RESERVED) >>> 0;
    return index === DR7 ? this.control : 0;
  }

  write(task: Task, index: number, low: number, high: number): 0 | Errno {
    if (index === DR6) {
      this.status = (low ^ DR6_RESERVED) >>> 0;
      return 0;
    }
    if (index === DR7) return high === 0 ? this.setControl(task, low) : EINVAL;
    if (index >= BREAKPOINTS) return EIO;
    const address = high * 4294967296 + low;
    if (address >= TASK_SIZE) return EINVAL;
    const before = this.addresses[index]!;
    this.addresses[index] = address;
    const set = this.setControl(task, this.control);
    if (set !== 0) this.addresses[index] = before;
    return set;
  }

  private setControl(task: Task, control: number): 0 | Errno {
    const watches: Watch[] = [];
    for (let i = 0; i < BREAKPOINTS; i++) {
      if (((control >>> (i * 2)) & 3) === 0) continue;
      const kind = (control >>> (16 + i * 4)) & 3;
      const length = LENGTHS[((control >>> (18 + i * 4)) & 3) as 0 | 1 | 2 | 3];
      const address = this.addresses[i]!;
      if (kind === EXECUTION ? length !== 1 : kind !== WRITE && kind !== 3) return EINVAL;
      if (address % length !== 0) return EINVAL;
      if (kind === 3) return ENOSPC;
      const value = new Uint8Array(length);
      if (isErr(task.mm.copyIn(address, value))) value.fill(0);
      watches.push({ bit: 1 << i, address, length, isExecution: kind === EXECUTION, value });
    }
    this.watches = watches;
    this.control = control;
    return 0;
  }

  /** An instruction has been run: the bits of those that it hit, which DR6 shows too. */
  afterStep(task: Task, stepped: boolean): number {
    const rip = task.thread.regs.get(RIP);
    let hits = 0;
    for (const watch of this.watches) {
      if (watch.isExecution ? watch.address === rip : hasChanged(task, watch)) hits |= watch.bit;
    }
    this.status |= hits | (stepped ? DR_STEP : 0);
    return hits;
  }
}

/** Compares and keeps what is there now. Memory that is gone has not changed. */
function hasChanged(task: Task, { address, length, value }: Watch): boolean {
  if (isErr(task.mm.copyIn(address, word, 0, length))) return false;
  let changed = false;
  for (let i = 0; i < length; i++) {
    changed ||= value[i] !== word[i];
    value[i] = word[i]!;
  }
  return changed;
}

/**
 * A single step has ended of a thread that has debug registers. True: nobody else is to hear of it, or of the breakpoint that it
 * hit in its place; false: the tracer, or the guest, steps as well.
 */
export function watchStep(task: Task, trace: Trace): boolean {
  const { debug } = trace;
  if (!debug) return false;
  const stepped = (task.syscallWork & WORK_STEP) !== 0 || !trace.forcedTf;
  const hits = debug.isOn ? debug.afterStep(task, stepped) : 0;
  if (stepped) return false;
  if (hits !== 0) forceSignal(task, faultInfo(SIGTRAP, TRAP_HWBKPT, task.thread.regs.get(RIP)));
  return true;
}

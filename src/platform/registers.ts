/**
 * A guest thread's general registers, as views of whatever memory the platform keeps them in (ptrace: a user_regs_struct,
 * seccomp: the sigcontext in the stub's data page). Canonical numbering below; `slots` maps it to 8-byte slots of the view.
 * 64-bit values are read as numbers from two 32-bit loads: BigInt costs ten times as much (see docs/PERFORMANCE.md).
 */
export const R15 = 0;
export const R14 = 1;
export const R13 = 2;
export const R12 = 3;
export const RBP = 4;
export const RBX = 5;
export const R11 = 6;
export const R10 = 7;
export const R9 = 8;
export const R8 = 9;
export const RAX = 10;
export const RCX = 11;
export const RDX = 12;
export const RSI = 13;
export const RDI = 14;
export const RIP = 15;
export const EFLAGS = 16;
export const RSP = 17;
export const FS_BASE = 18;
export const GS_BASE = 19;
export const REGISTER_COUNT = 20;

const HIGH = 4294967296;

export class Registers {
  /** Bit `1 << register` for each one stored since the platform last cleared it: what the host must be told. */
  dirty = 0;
  /** Bit `1 << register` for each one that is here; `fetch` brings the others. */
  present = -1;

  constructor(
    private u32: Uint32Array,
    private readonly slots: Uint8Array,
    /** Brings the registers that are neither present nor dirty, and sets `present`. */
    private readonly fetch: () => void = () => {},
  ) {}

  /** The low half, unsigned. */
  u32of(register: number): number {
    if ((this.present & (1 << register)) === 0) this.fetch();
    return this.u32[this.slots[register]! * 2]!;
  }

  /** The low half as a C int. */
  i32of(register: number): number {
    if ((this.present & (1 << register)) === 0) this.fetch();
    return this.u32[this.slots[register]! * 2]! | 0;
  }

  /** The high half, unsigned. */
  highOf(register: number): number {
    if ((this.present & (1 << register)) === 0) this.fetch();
    return this.u32[this.slots[register]! * 2 + 1]!;
  }

  /** All 64 bits, unsigned (exact below 2^53). */
  get(register: number): number {
    if ((this.present & (1 << register)) === 0) this.fetch();
    const slot = this.slots[register]! * 2;
    return this.u32[slot]! + this.u32[slot + 1]! * HIGH;
  }

  /** All 64 bits, signed (exact within 2^53). */
  signed(register: number): number {
    if ((this.present & (1 << register)) === 0) this.fetch();
    const slot = this.slots[register]! * 2;
    return this.u32[slot]! + (this.u32[slot + 1]! | 0) * HIGH;
  }

  /** Stores a number within 2^53; negative ones in two's complement. */
  set(register: number, value: number): void {
    const slot = this.slots[register]! * 2;
    this.dirty |= 1 << register;
    this.present |= 1 << register;
    this.u32[slot] = value;
    this.u32[slot + 1] = Math.floor(value / HIGH);
  }

  /** Stores all 64 bits from two halves. */
  setHalves(register: number, low: number, high: number): void {
    const slot = this.slots[register]! * 2;
    this.dirty |= 1 << register;
    this.present |= 1 << register;
    this.u32[slot] = low;
    this.u32[slot + 1] = high;
  }

  getBig(register: number): bigint {
    if ((this.present & (1 << register)) === 0) this.fetch();
    const slot = this.slots[register]! * 2;
    return BigInt(this.u32[slot]!) | (BigInt(this.u32[slot + 1]!) << 32n);
  }

  setBig(register: number, value: bigint): void {
    const slot = this.slots[register]! * 2;
    this.dirty |= 1 << register;
    this.present |= 1 << register;
    this.u32[slot] = Number(value & 0xffffffffn);
    this.u32[slot + 1] = Number((value >> 32n) & 0xffffffffn);
  }
}

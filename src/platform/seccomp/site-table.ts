/**
 * The patched sites of a machine: a slot that the site jumps through, and code that says which site it was. Both are in frames
 * that all stub processes map for good; what differs by address space, as programs lie at different addresses, is where calls go
 * back to (STUB_RETURNS, written by SeccompSpace).
 *
 * Sites are never taken back: a table that is full means that further sites trap by signal. Code is added while others run, but
 * always to a place that nothing jumps to yet.
 */
import { Assembler } from '../../asm/assembler.js';
import { mem, r11, r9, rax, rcx, rsp } from '../../asm/operands.js';
import type { Errno, PhysAddr } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { ENOMEM } from '../../abi/errno.js';
import { NR } from '../../abi/syscall-numbers.js';
import { frameBytes, type FrameStore } from '../frames.js';
import type { PatchedPage, SitePatcher } from '../platform.js';
import { STUB_CODE } from '../stub/layout.js';
import { READ_SITES, SITE_SLOTS, SITE_SLOTS_PAGES, STUB_JUMPS, STUB_JUMPS_PAGES } from './layout.js';
import { recognizeSite, writeJump } from './site.js';

/** As many as STUB_RETURNS has words. */
const MAX_SITES = PAGE_SIZE / 8;
export const JUMP_STRIDE = 32;
/** Slots lie in the last page, but for those of reads. */
const SLOTS = SITE_SLOTS + (SITE_SLOTS_PAGES - 1) * PAGE_SIZE;
/** By index, which is below READ_SITES for reads: see site.ts for what is asked of these addresses. */
const READ_SLOTS = [0x6_07ff, 0x6_17ff, 0x6_1fff, 0x6_27ff, 0x6_2fff, 0x6_37ff];
const HIGH = 4294967296;
/**
 * Calls that need a signal frame anyway (new threads and programs, other registers than rax), or that mostly end by a signal.
 * The number in rax may be another one when the site is reached by syscall(3): all of them work there too, only slower.
 */
const LEFT_ALONE = new Set<number>([
  NR.clone,
  NR.clone3,
  NR.fork,
  NR.vfork,
  NR.execve,
  NR.execveat,
  NR.rt_sigreturn,
  NR.exit,
  NR.exit_group,
  NR.wait4,
  NR.waitid,
  NR.pause,
  NR.rt_sigsuspend,
  NR.rt_sigtimedwait,
  NR.arch_prctl,
  NR.kill,
  NR.tkill,
  NR.tgkill,
]);

interface PatchedSite {
  /** Its number in the tables. */
  readonly index: number;
  /** Offset of the first byte behind its system call instruction. */
  readonly end: number;
  /** The system call's number; -1: in rax. */
  readonly nr: number;
  readonly start: number;
  readonly compares: boolean;
}

export class PatchedText implements PatchedPage {
  constructor(
    readonly id: number,
    readonly sites: readonly PatchedSite[],
  ) {}
}

export class SiteTable implements SitePatcher {
  private pages = 0;
  count = 0;
  private nextRead = 0;
  private nextOther = READ_SITES;

  private constructor(
    private readonly frames: FrameStore,
    readonly slots: PhysAddr,
    readonly jumps: PhysAddr,
    /** What a space's STUB_RETURNS is before anything is patched in it. */
    readonly noReturns: PhysAddr,
    /** Address of `call` (patched-call.ts). */
    private readonly entry: number,
  ) {}

  static create(frames: FrameStore, callOffset: number): SiteTable | Errno {
    const slots = frames.allocate(SITE_SLOTS_PAGES, 1);
    if (isErr(slots)) return slots;
    const jumps = frames.allocate(STUB_JUMPS_PAGES, 1);
    const noReturns = frames.allocate(1);
    if (isErr(jumps) || isErr(noReturns)) {
      frames.release(slots, SITE_SLOTS_PAGES);
      if (!isErr(jumps)) frames.release(jumps, STUB_JUMPS_PAGES);
      if (!isErr(noReturns)) frames.release(noReturns, 1);
      return ENOMEM;
    }
    frameBytes(frames, jumps, STUB_JUMPS_PAGES * PAGE_SIZE).fill(0xcc);
    return new SiteTable(frames, slots, jumps, noReturns, STUB_CODE + callOffset);
  }

  dispose(): void {
    this.frames.release(this.slots, SITE_SLOTS_PAGES);
    this.frames.release(this.jumps, STUB_JUMPS_PAGES);
    this.frames.release(this.noReturns, 1);
  }

  patch(page: Uint8Array, end: number, nr: number, before: PatchedPage | undefined): PatchedText | undefined {
    const known = before instanceof PatchedText ? before.sites : [];
    const site = LEFT_ALONE.has(nr) ? undefined : recognizeSite(page, end, nr);
    if (!site || (site.compares ? this.nextRead === READ_SITES : this.nextOther === MAX_SITES)) return undefined;
    const index = site.compares ? this.nextRead++ : this.nextOther++;
    const slot = site.compares ? READ_SLOTS[index]! : SLOTS + index * 8;
    this.count++;
    this.writeCode(index, site.nr, slot);
    writeJump(page, site, slot);
    const id = before?.id ?? this.pages++;
    return new PatchedText(id, [...known, { ...site, index, end }]);
  }

  /** What the site jumps to; then the slot, which makes it reachable. */
  private writeCode(index: number, nr: number, slot: number): void {
    const a = new Assembler();
    if (nr < 0) {
      a.mov(r9, mem(rsp, 8)).mov({ ...r11, size: 32 }, { ...rax, size: 32 });
      a.lahf()
        .setoAl()
        .shl(r11, 32)
        .lea(rcx, mem(r11, index * 8));
    } else {
      a.lahf()
        .setoAl()
        .mov(rcx, (BigInt(nr) << 32n) | BigInt(index * 8));
    }
    const begin = STUB_JUMPS + index * JUMP_STRIDE;
    a.byte(0xe9).dword(this.entry - (begin + a.here + 4));
    frameBytes(this.frames, this.jumps + index * JUMP_STRIDE, JUMP_STRIDE).set(a.assemble());
    const pointer = frameBytes(this.frames, this.slots + (slot - SITE_SLOTS), 8);
    new DataView(pointer.buffer, pointer.byteOffset, 8).setBigUint64(0, BigInt(begin), true);
  }
}

/** Writes where the sites of a page at `address` go back to. */
export function writeReturns(table: Uint32Array, page: PatchedText, address: number): void {
  for (const { index, end } of page.sites) {
    table[index * 2] = (address + end) % HIGH;
    table[index * 2 + 1] = Math.floor((address + end) / HIGH);
  }
}

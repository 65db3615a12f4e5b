/**
 * The vDSO in guest address spaces (Linux: arch/x86/entry/vdso/vma.c): [vvar], the page of clock parameters that only the kernel
 * writes, and behind it [vdso], the code. Both are pages of one in-memory file that every process of the machine maps.
 *
 * In Linux the parameters are updated with every tick. Here they are when the kernel's own clock turns its rate, which it does
 * by itself or, while guests only compute, by a timer every few seconds.
 */
import { cpus } from 'node:os';
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { PAGE_SIZE } from '../base/page.js';
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ } from '../abi/mman.js';
import { TscClock } from '../host/clock.js';
import { hasRdtscp } from '../host/cpu.js';
import { MODE, MODE_GETCPU, MODE_TSC, PARAMETERS_SIZE, SEQUENCE, writeParameters, type ClockParameters } from '../host/tsc-formula.js';
import type { AddressSpace, MappedFile } from '../mm/address-space.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { PageCache } from '../mm/page-cache.js';
import type { Machine } from './machine.js';
import { Timer } from './timers.js';
import { buildVdsoImage } from './vdso-image.js';

/** How often the parameters are looked at while nothing else does. */
const UPDATE_INTERVAL_NS = 10e9;

let image: Uint8Array | undefined;

/** The vDSO of a machine. */
export class Vdso {
  private readonly cache: PageCache;
  private readonly vvar: MappedFile;
  private readonly code: MappedFile;
  private readonly codeLength: number;
  private readonly parameters: DataView;
  private readonly words: Int32Array;
  private readonly unsubscribe: (() => void) | undefined;
  /** A page of parameters that say nothing. */
  private hidden: HiddenPage | Errno | undefined;

  private constructor(
    private readonly machine: Machine,
    code: Uint8Array,
    cache: PageCache,
    phys: number,
  ) {
    this.cache = cache;
    this.codeLength = code.length;
    this.vvar = mappedPart(cache, '[vvar]');
    this.code = mappedPart(cache, '[vdso]');
    const window = machine.physmem.window(phys);
    const offset = window.byteOffset + machine.physmem.windowOffset(phys);
    this.parameters = new DataView(window.buffer, offset, PARAMETERS_SIZE);
    this.words = new Int32Array(window.buffer, offset, 2);
    // Where skas may use only some of the host's CPUs their numbers are not those that guests are told of.
    this.setMode(hasRdtscp() && machine.cpuCount === cpus().length ? MODE_GETCPU : 0, 0);
    const { clock } = machine;
    if (clock instanceof TscClock) {
      this.unsubscribe = clock.subscribe((parameters) => this.publish(clock, parameters));
      this.keepUpdating(clock);
    }
  }

  static create(machine: Machine): Vdso | Errno {
    image ??= buildVdsoImage();
    const cache = new PageCache(machine.physmem, PAGE_SIZE + image.length);
    const written = cache.write(new KernelIoVec(image), PAGE_SIZE);
    if (isErr(written)) return written;
    const prepared = cache.prepare(0, 0, 1, false);
    if (isErr(prepared)) return prepared;
    return new Vdso(machine, image, cache, cache.runPhys);
  }

  /** Maps both parts at an address of mm's choice; where the code begins. */
  map(mm: AddressSpace): GuestAddr | Errno {
    const start = mm.map({
      address: 0,
      length: PAGE_SIZE + this.codeLength,
      prot: PROT_READ,
      flags: MAP_SHARED,
      file: this.vvar,
      offset: 0,
      maxProt: PROT_READ,
    });
    if (isErr(start)) return start;
    return mm.map({
      address: start + PAGE_SIZE,
      length: this.codeLength,
      prot: PROT_READ | PROT_EXEC,
      flags: MAP_PRIVATE | MAP_FIXED,
      file: this.code,
      offset: PAGE_SIZE,
    });
  }

  /** From now on the functions in `mm` make the real calls: its clocks are not the machine's. */
  hideClock(mm: AddressSpace): 0 | Errno {
    this.hidden ??= hiddenPage(this.machine);
    const { hidden } = this;
    if (typeof hidden === 'number') return hidden;
    for (const { cache, offset, start } of [...mm.vmas.items]) {
      if (cache !== this.cache || offset !== 0) continue;
      const flags = MAP_SHARED | MAP_FIXED;
      const mapped = mm.map({
        address: start,
        length: PAGE_SIZE,
        prot: PROT_READ,
        flags,
        file: hidden.file,
        offset: 0,
        maxProt: PROT_READ,
      });
      if (isErr(mapped)) return mapped;
    }
    return 0;
  }

  /** Threads may be bound to CPUs that they do not really run on: only the kernel can say which they are on then. */
  stopTellingCpu(): void {
    this.setMode(0, MODE_GETCPU);
  }

  dispose(): void {
    this.unsubscribe?.();
    this.cache.dispose();
    if (typeof this.hidden === 'object') this.hidden.cache.dispose();
  }

  private setMode(set: number, clear: number): void {
    Atomics.store(this.words, MODE / 4, (Atomics.load(this.words, MODE / 4) & ~clear) | set);
  }

  private publish(clock: TscClock, parameters: ClockParameters): void {
    const began = BigInt(Math.round(this.machine.bootNs)) - clock.epochNs;
    Atomics.add(this.words, SEQUENCE / 4, 1);
    writeParameters(this.parameters, parameters, began);
    Atomics.add(this.words, SEQUENCE / 4, 1);
    this.setMode(MODE_TSC, 0);
  }

  private keepUpdating(clock: TscClock): void {
    const { timers } = this.machine;
    const timer = new Timer(() => {
      clock.update();
      timers.arm(timer, this.machine.clock.monotonicNs() + UPDATE_INTERVAL_NS);
    });
    timers.arm(timer, this.machine.clock.monotonicNs() + UPDATE_INTERVAL_NS);
  }
}

interface HiddenPage {
  readonly cache: PageCache;
  readonly file: MappedFile;
}

function hiddenPage({ physmem }: Machine): HiddenPage | Errno {
  const cache = new PageCache(physmem, PAGE_SIZE);
  const prepared = cache.prepare(0, 0, 1, false);
  return isErr(prepared) ? prepared : { cache, file: mappedPart(cache, '[vvar]') };
}

function mappedPart(cache: PageCache, name: string): MappedFile {
  // The machine owns the pages: mappings need not be counted.
  return { mappable: { cache }, hold: () => {}, drop: () => {}, describe: () => ({ device: 0, ino: 0, path: name }) };
}

/** Maps the machine's vDSO into a new program's address space: the value of AT_SYSINFO_EHDR. */
export function mapVdso(machine: Machine, mm: AddressSpace): GuestAddr | Errno {
  if (!machine.vdso) {
    const created = Vdso.create(machine);
    if (isErr(created)) return created;
    machine.vdso = created as Vdso;
  }
  return machine.vdso.map(mm);
}

/** The first trap of all, by a thread that the kernel itself has written: it shows what frames this host makes. */
import { isErr } from '../../base/brands.js';
import { HostClock } from '../../base/clock.js';
import { MAP_FIXED, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { SC_CS, SC_FPSTATE, SC_SS, UC_FLAGS, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS } from '../../abi/sigframe.js';
import { NR } from '../../abi/syscall-numbers.js';
import { futexWait, futexWake } from '../../host/futex.js';
import { tgkill } from '../../host/process.js';
import { STUB_CODE, STUB_DATA } from '../stub/layout.js';
import { FrameShape, writeStack } from './frame-shape.js';
import { DATA_EXIT, DATA_FRAME, DATA_TURN, ORDER_NEW_THREAD, SIGNAL_STACK, TURN_KERNEL, UC_REGISTERS } from './layout.js';
import type { SeccompPlatform } from './seccomp-platform.js';
import { THREAD_FLAGS, type SeccompSpace } from './seccomp-space.js';
import { SharedWords } from './words.js';

const USER_CS = 0x33;
const USER_SS = 0x2b;
/** Slots of sigcontext. */
const SC_RIP = 16 * 8;
const SC_EFLAGS = 17 * 8;
const EFLAGS = 0x202;
/** Where the handmade frame lies: below all that the host writes. */
const HANDMADE = SIGNAL_STACK + 64;
const PATIENCE_NS = 2e9;
const HIGH = 4294967296;

/** Runs the thread in the (otherwise empty) first stub process and takes it away again. */
export function learnFrameShape(platform: SeccompPlatform, zygote: SeccompSpace): FrameShape | undefined {
  const { frames, dataStride, dataPages } = platform;
  const frame = frames.allocate(dataPages, dataPages);
  if (isErr(frame)) return undefined;
  const data = new SharedWords(frames, frame, dataStride);
  writeHandmade(data, platform.stub.sample);
  const { queue } = zygote.mm;
  queue.call(NR.mmap, STUB_DATA, dataStride, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, frames.fd, frame);
  const mapped = zygote.commit();
  queue.call(NR.clone, THREAD_FLAGS, 0, 0, 0, 0, STUB_DATA);
  const tid = isErr(mapped) ? mapped : zygote.give(ORDER_NEW_THREAD, 0, undefined);
  const trapped = !isErr(tid) && letGo(data) && becomes(() => data.load(DATA_TURN) !== 0, data);
  const ucontext = trapped ? findFrame(data.bytes) : 0;
  const shape = ucontext > 0 ? FrameShape.learn(data.bytes.slice(), STUB_DATA, ucontext) : undefined;
  data.store(DATA_EXIT, 1);
  const over = trapped && letGo(data) && becomes(() => tgkill(zygote.leader, tid, 0) !== 0, data);
  queue.call(NR.munmap, STUB_DATA, dataStride);
  zygote.commit();
  frames.release(frame, dataPages);
  return over ? shape : undefined;
}

function writeHandmade(data: SharedWords, sample: number): void {
  const view = new DataView(data.bytes.buffer, data.bytes.byteOffset, data.bytes.length);
  const registers = HANDMADE + UC_REGISTERS;
  view.setUint32(HANDMADE + UC_FLAGS, UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, true);
  writeStack(view, HANDMADE, STUB_DATA);
  view.setBigUint64(registers + SC_RIP, BigInt(STUB_CODE + sample), true);
  view.setUint32(registers + SC_EFLAGS, EFLAGS, true);
  view.setUint16(registers + SC_CS, USER_CS, true);
  view.setUint16(registers + SC_SS, USER_SS, true);
  data.store64(DATA_FRAME, STUB_DATA + HANDMADE);
  data.store(DATA_TURN, TURN_KERNEL);
}

function letGo(data: SharedWords): boolean {
  data.store(DATA_TURN, 0);
  futexWake(data.addressAt(DATA_TURN));
  return true;
}

function becomes(condition: () => boolean, data: SharedWords): boolean {
  const clock = new HostClock();
  const deadline = clock.monotonicNs() + PATIENCE_NS;
  for (let now = 0; now < deadline; now = clock.monotonicNs()) {
    if (condition()) return true;
    futexWait(data.addressAt(DATA_TURN), data.load(DATA_TURN), Math.min(deadline, clock.monotonicNs() + 100e3));
  }
  return false;
}

/** Offset of the ucontext whose extended state lies behind it in the same STUB_DATA; 0: there is none. */
function findFrame(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (let at = HANDMADE + 8; at + UC_REGISTERS + 256 < data.length; at += 8) {
    const pointer = at + UC_REGISTERS + SC_FPSTATE;
    const fpstate = view.getUint32(pointer, true) + view.getUint32(pointer + 4, true) * HIGH - STUB_DATA;
    if (fpstate > at && fpstate < data.length && view.getUint16(at + UC_REGISTERS + SC_CS, true) === USER_CS) return at;
  }
  return 0;
}

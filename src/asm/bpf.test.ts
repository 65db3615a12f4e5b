/** Filters, run by a small interpreter of classic BPF. The real thing is run by platform/probe.test.ts. */
import { equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { BpfProgram, SECCOMP_DATA_ARGS, SECCOMP_DATA_NR, SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP } from './bpf.js';

/** Result of a filter for a seccomp_data. */
function run(filter: Uint8Array, data: DataView): number {
  const code = new DataView(filter.buffer);
  let accumulator = 0;
  for (let pc = 0; pc * 8 < filter.length; pc++) {
    const k = code.getUint32(pc * 8 + 4, true);
    const branch = (taken: boolean): void => {
      pc += code.getUint8(pc * 8 + (taken ? 2 : 3));
    };
    switch (code.getUint16(pc * 8, true)) {
      case 0x20:
        accumulator = data.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        pc += k;
        break;
      case 0x15:
        branch(accumulator === k);
        break;
      case 0x25:
        branch(accumulator > k);
        break;
      case 0x35:
        branch(accumulator >= k);
        break;
      case 0x45:
        branch((accumulator & k) !== 0);
        break;
      case 0x06:
        return k;
      default:
        throw new Error('no such instruction');
    }
  }
  throw new Error('fell off the end');
}

function dataOf(nr: number, argument: number): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(SECCOMP_DATA_NR, nr, true);
  data.setBigUint64(SECCOMP_DATA_ARGS, BigInt.asUintN(64, BigInt(argument)), true);
  return data;
}

test('jumps, masks and returns', () => {
  const filter = new BpfProgram()
    .load(SECCOMP_DATA_NR)
    .jset(0x40000000, 'trap')
    .jeq(202, 'ok')
    .jge(300, 'trap')
    .jgt(100, undefined, 'ok')
    .jmp('trap')
    .label('ok')
    .ret(SECCOMP_RET_ALLOW)
    .label('trap')
    .ret(SECCOMP_RET_TRAP)
    .assemble();
  for (const allowed of [0, 100, 202]) equal(run(filter, dataOf(allowed, 0)), SECCOMP_RET_ALLOW);
  for (const trapped of [101, 299, 300, 0x40000000 + 202]) equal(run(filter, dataOf(trapped, 0)), SECCOMP_RET_TRAP);
});

test('64-bit comparisons', () => {
  const value = 0x7fc0_0000_1002;
  const exact = new BpfProgram().jne64(SECCOMP_DATA_ARGS, value, 'no').ret(1).label('no').ret(2).assemble();
  for (const [argument, result] of [
    [value, 1],
    [value + 1, 2],
    [value - 2 ** 32, 2],
    [0, 2],
    [-1, 2],
  ] as const) {
    equal(run(exact, dataOf(0, argument)), result);
  }
});

test('64-bit ranges', () => {
  const bounds = [
    [0x7fc0_0000_1000, 0x7fc0_0000_1fff],
    [0x1000, 0x7f80_0000_0000],
    [0, 5],
    [0xffff_ffff, 0x1_0000_0000],
  ] as const;
  for (const [low, high] of bounds) {
    const filter = new BpfProgram().outside64(SECCOMP_DATA_ARGS, low, high, 'no').ret(1).label('no').ret(2).assemble();
    const inside = [low, high, Math.floor((low + high) / 2)];
    const outside = [high + 1, high + 2 ** 32, 2 ** 52, -1, ...(low > 0 ? [low - 1, 0] : [])];
    for (const argument of inside) equal(run(filter, dataOf(0, argument)), 1, `${argument} in ${low}..${high}`);
    for (const argument of outside) equal(run(filter, dataOf(0, argument)), 2, `${argument} outside ${low}..${high}`);
  }
});

test('mistakes are found when the filter is made', () => {
  throws(() => new BpfProgram().jmp('nowhere').ret(0).assemble());
  throws(() => new BpfProgram().label('back').ret(0).jmp('back').ret(0).assemble());
  throws(() => new BpfProgram().load(3));
  const far = new BpfProgram().jeq(1, 'far');
  for (let i = 0; i < 256; i++) far.ret(0);
  throws(() => far.label('far').ret(0).assemble());
});

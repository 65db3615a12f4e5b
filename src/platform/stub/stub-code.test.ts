/** The stub's code depends on no address: it is the same wherever it is assembled, and runs wherever it is loaded. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { loadMachineCode } from '../../host/machine-code.js';
import { machineFunction } from '../../host/libc.js';
import { Assembler } from '../../asm/assembler.js';
import { r12, r13, rax, rbx, rdi, rsi } from '../../asm/operands.js';
import { NR } from '../../abi/syscall-numbers.js';
import { addressOf } from '../../host/libc.js';
import { ENTRY_SIZE } from './request-page.js';
import { stubDataStride } from './layout.js';
import { assembleStub } from './stub-code.js';

test('the stub fits its page, and every assembly is the same', () => {
  const stub = assembleStub(16384);
  ok(stub.bytes.length < 2048);
  deepEqual(stub, assembleStub(16384));
});

test('the data pages hold the largest signal frame', () => {
  equal(stubDataStride(2048), 8192);
  equal(stubDataStride(3632), 8192);
  equal(stubDataStride(11952), 16384);
});

/**
 * Makes the stub callable as f(entries, count): its `int3` becomes a return. Nothing else is changed, and nothing is relocated.
 */
function loadCallable(padding: number): (entries: number, count: number) => number {
  const stub = assembleStub(16384);
  const a = new Assembler();
  for (let i = 0; i < padding; i++) a.nop();
  const base = a.here;
  a.data(stub.bytes).align(16);
  const entry = a.here;
  a.push(rbx).push(r12).push(r13).mov(rbx, rdi).mov(r12, rsi);
  a.lea(rax, { kind: 'rip', label: 'back' }).push(rax);
  const jump = a.here;
  a.byte(0xe9).dword(base + stub.batch - (jump + 5));
  a.label('back').mov(rax, r12).pop(r13).pop(r12).pop(rbx).ret();
  const code = a.assemble();
  code[base + stub.stopped - 1] = 0xc3;
  const address = loadMachineCode(code);
  return machineFunction(address + entry, 2) as (entries: number, count: number) => number;
}

test('the batch loop runs at two addresses, and stops at the first error with its index', () => {
  const entries = new BigUint64Array(3 * (ENTRY_SIZE / 8));
  const words = ENTRY_SIZE / 8;
  const bytes = new Uint8Array(entries.buffer);
  for (const [index, call] of [[NR.getpid], [NR.close, -1], [NR.getpid]].entries()) {
    for (const [argument, value] of call.entries()) entries[index * words + argument] = BigInt.asUintN(64, BigInt(value));
  }
  const first = loadCallable(0);
  const second = loadCallable(4321);
  notEqual(first, second);
  for (const run of [first, second]) {
    equal(run(addressOf(bytes), 3), 2); // one done, two left: the failing one and the one behind it
    equal(run(addressOf(bytes), 1), 0);
    equal(run(addressOf(bytes), 0), 0);
  }
});

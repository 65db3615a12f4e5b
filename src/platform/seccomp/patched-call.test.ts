/** Patched system calls: the kernel and the guest see what they see of others, and signals at any moment do no harm. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PROT_EXEC, PROT_READ } from '../../abi/mman.js';
import type { Assembler } from '../../asm/assembler.js';
import { mem, r10, r12, r15, r8, r9, rax, rbp, rbx, rcx, rdi, rdx, rsi, rsp } from '../../asm/operands.js';
import { answer, awaitTrap, CODE, DATA, PLATFORMS, step, unwrap, withPlatform, type Bench, type Guest } from '../fixture.js';
import { frameBytes } from '../frames.js';
import { TRAP_KICK, TRAP_SIGNAL, TRAP_SYSCALL } from '../platform.js';
import { EFLAGS, FS_BASE, GS_BASE, R10, R12, R15, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RIP, RSI, RSP } from '../registers.js';
import type { SeccompPlatform } from './seccomp-platform.js';
import type { SeccompSpace } from './seccomp-space.js';

const create = PLATFORMS['seccomp'];

function patchedTest(what: string, body: (bench: Bench) => void): void {
  test(what, { skip: create === undefined }, () => withPlatform(create!, body));
}

/** Puts a patched copy in the place of the guest's code; the system call at label `site` begins 5 bytes behind it. */
function patch({ frames }: Bench, guest: Guest, nr: number): boolean {
  const { space } = guest.thread;
  const frame = frames.allocate(1);
  const page = frameBytes(frames, frame, 4096);
  page.set(frameBytes(frames, guest.codeFrame, 4096));
  const patched = space.patcher!.patch(page, guest.labels('site') - CODE + 7, nr, undefined);
  return patched !== undefined && space.mapPatched!(CODE, PROT_READ | PROT_EXEC, frame, patched);
}

function site(a: Assembler, nr: number): Assembler {
  return a.label('site').mov(rax, nr).syscall().label('behind');
}

/** What the instruction decoder wants to see before a site. */
function begin(a: Assembler): Assembler {
  return a.mov(rdi, 0x1111).mov(rdi, rdi);
}

const counted = ({ platform }: Bench): readonly number[] => {
  const { patchedCalls, syscalls } = (platform as SeccompPlatform).counts;
  return [patchedCalls, syscalls];
};

describe('seccomp: patched calls', () => {
  patchedTest('show the kernel all registers, and change none but rax, rcx and r11', (bench) => {
    const guest = bench.guest((a) => {
      begin(a).mov(rsi, 2).mov(rdx, 3).mov(r10, 4).mov(r8, 5).mov(r9, 6).mov(rbx, 7).mov(rbp, 8).mov(r12, 9).mov(r15, 10);
      a.mov(rcx, -1).add(rcx, 1).mov(rcx, 0x7fff_ffff).mov(rdi, rdi); // CF, ZF, AF, PF
      site(a, 39).pushfq().pop(r12).mov(rbx, DATA).store(mem(rbx), rax).store(mem(rbx, 8), rcx).store(mem(rbx, 16), r12);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    const { thread, data } = guest;
    step(bench.platform, thread);
    const { regs, trap } = thread;
    deepEqual([trap.kind, trap.nr, ...counted(bench)], [TRAP_SYSCALL, 39, 1, 0]);
    deepEqual(
      [RDI, RSI, RDX, R10, R8, R9, RBX, RBP, R12, R15, RAX].map((r) => regs.get(r)),
      [0x1111, 2, 3, 4, 5, 6, 7, 8, 9, 10, 39],
    );
    const behind = guest.labels('behind');
    deepEqual([regs.get(RIP), regs.get(RCX)], [behind, behind]);
    equal(regs.get(EFLAGS) & 0x8d5, 0x55);
    answer(thread, -38);
    step(bench.platform, thread);
    deepEqual([trap.nr, regs.get(RDI), regs.get(RSI), regs.get(R9), regs.get(RBP), regs.get(R15)], [60, 0x1111, 2, 6, 8, 10]);
    deepEqual([data.getBigInt64(0, true), data.getBigInt64(8, true)], [-38n, BigInt(behind)]);
    equal(data.getUint32(16, true) & 0x8d5, 0x55);
  });

  patchedTest('keep the overflow flag', (bench) => {
    const guest = bench.guest((a) => {
      a.mov(rcx, 0x7fff_ffff_ffff_ffffn).add(rcx, 1).mov(rdi, rdi);
      site(a, 39).pushfq().pop(rdi);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    step(bench.platform, guest.thread);
    equal(guest.thread.regs.get(EFLAGS) & 0x8d5, 0x894);
    answer(guest.thread, 0);
    step(bench.platform, guest.thread);
    equal(guest.thread.regs.get(RDI) & 0x8d5, 0x894);
  });

  patchedTest('of which more registers are changed, or the vector state, get a signal frame', (bench) => {
    const guest = bench.guest((a) => {
      begin(a).mov(rbx, 0x1234_5678).movqToXmm(3, rbx).mov(rbx, 1);
      site(a, 39).movqFromXmm(rsi, 3);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    const { thread } = guest;
    step(bench.platform, thread);
    const fp = new Uint8Array(thread.fpSize);
    thread.readFp(fp);
    equal(new DataView(fp.buffer).getUint32(160 + 3 * 16, true), 0x1234_5678);
    deepEqual([thread.regs.get(RIP), thread.regs.get(RBX), thread.regs.get(RAX)], [guest.labels('behind'), 1, 39]);
    thread.regs.set(RDI, 99);
    answer(thread, 5);
    step(bench.platform, thread);
    deepEqual([thread.trap.nr, thread.regs.get(RDI), thread.regs.get(RSI), thread.regs.get(RBX)], [60, 99, 0x1234_5678, 1]);
    equal(bench.platform.counters()['promotions'], 1);
  });

  patchedTest('wait for an order under way before they get a frame, as their thread would sleep for it', (bench) => {
    const guest = bench.guest((a) => {
      site(begin(a), 39);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    const { thread } = guest;
    step(bench.platform, thread);
    const space = thread.space as SeccompSpace;
    space.unmap(DATA + 4096, 4096);
    let done = false;
    space.whenOutOfReach(() => (done = true));
    equal(space.begin(), 0); // nobody has told the mm thread
    equal(done, false);
    thread.readFp(new Uint8Array(thread.fpSize));
    equal(done, true);
    answer(thread, 0);
    step(bench.platform, thread);
    deepEqual([thread.trap.nr, bench.platform.counters()['promotions']], [60, 1]);
  });

  patchedTest('of a guest with a gs of its own come by signal, to the same effect', (bench) => {
    const guest = bench.guest((a) => {
      begin(a).mov(rbx, DATA).wrgsbase(rbx);
      site(a, 39).rdgsbase(rsi);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    const { thread } = guest;
    equal(thread.regs.get(GS_BASE), 0);
    step(bench.platform, thread);
    deepEqual([thread.trap.kind, thread.trap.nr, ...counted(bench)], [TRAP_SYSCALL, 39, 0, 1]);
    deepEqual(
      [thread.regs.get(RIP), thread.regs.get(RCX), thread.regs.get(GS_BASE)],
      [guest.labels('behind'), guest.labels('behind'), DATA],
    );
    answer(thread, 0);
    step(bench.platform, thread);
    equal(thread.regs.get(RSI), DATA);
  });

  patchedTest('are made by jumps to the instruction itself, with the number that is in rax', (bench) => {
    const guest = bench.guest((a) => {
      a.mov(rax, 110).mov(rbx, CODE).add(rbx, 64).jmp(rbx).align(64, 0x90);
      a.byte(...Array<number>(59).fill(0x90));
    });
    const bytes = frameBytes(bench.frames, guest.codeFrame, 4096);
    bytes.set([0xb8, 39, 0, 0, 0, 0x0f, 0x05], 59);
    const { space, regs, trap } = guest.thread;
    const frame = bench.frames.allocate(1);
    const page = frameBytes(bench.frames, frame, 4096);
    page.set(bytes);
    const patched = space.patcher!.patch(page, 66, 39, undefined);
    ok(patched && space.mapPatched!(CODE, PROT_READ | PROT_EXEC, frame, patched));
    step(bench.platform, guest.thread);
    deepEqual([trap.kind, trap.nr, regs.get(RIP)], [TRAP_SYSCALL, 110, CODE + 66]);
  });

  patchedTest('of read make the comparison behind it; at the old instructions nothing is lost', (bench) => {
    const guest = bench.guest((a) => {
      a.mov(rdi, 0x1111).mov(rdi, rdi).label('xor').byte(0x31, 0xc0).label('call').syscall().label('compare');
      a.byte(0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff).label('site').pushfq().pop(rbx).mov(rax, 60).syscall();
    });
    const end = guest.labels('compare') - CODE;
    const { space, regs, trap } = guest.thread;
    const frame = bench.frames.allocate(1);
    const page = frameBytes(bench.frames, frame, 4096);
    page.set(frameBytes(bench.frames, guest.codeFrame, 4096));
    const patched = space.patcher!.patch(page, end, 0, undefined);
    ok(patched && space.mapPatched!(CODE, PROT_READ | PROT_EXEC, frame, patched));
    for (const [from, nr, calls] of [
      ['xor', 0, 1],
      ['call', 257, 0],
    ] as const) {
      const before = counted(bench);
      regs.set(RIP, guest.labels(from));
      regs.set(RAX, nr);
      step(bench.platform, guest.thread);
      deepEqual([trap.kind, trap.nr, regs.get(RIP)], [TRAP_SYSCALL, nr, CODE + end]);
      equal(counted(bench)[0]! - before[0]!, calls);
      answer(guest.thread, -4096);
      step(bench.platform, guest.thread);
      deepEqual([trap.nr, regs.get(RBX) & 0x8d5], [60, 0x44]);
    }
    regs.set(RIP, guest.labels('compare'));
    regs.set(RAX, -9);
    step(bench.platform, guest.thread);
    deepEqual([trap.nr, regs.get(RBX) & 0x8d5], [60, 0]);
  });

  patchedTest('of forked spaces go back to where each of them has the code', (bench) => {
    const guest = bench.guest((a) => {
      begin(a);
      site(a, 39);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    const { thread } = guest;
    step(bench.platform, thread);
    thread.regs.set(RAX, 1);
    const child = unwrap(thread.space.fork(thread));
    child.regs.set(RIP, CODE);
    for (const each of [child, thread]) {
      step(bench.platform, each);
      if (each === child) step(bench.platform, child);
      equal(each.trap.nr, 60);
    }
    // The child has the page at another address from now on, which its parent must not notice.
    const frame = bench.frames.allocate(1);
    const page = frameBytes(bench.frames, frame, 4096);
    page.set(frameBytes(bench.frames, guest.codeFrame, 4096));
    const patched = child.space.patcher!.patch(page, guest.labels('site') - CODE + 7, 39, undefined)!;
    ok(child.space.mapPatched!(CODE + 0x10_0000, PROT_READ | PROT_EXEC, frame, patched));
    equal(child.space.mapPatched!(CODE + 0x20_0000, PROT_READ | PROT_EXEC, frame, patched), false);
    child.regs.set(RIP, CODE + 0x10_0000);
    thread.regs.set(RIP, CODE);
    for (const each of [child, thread]) step(bench.platform, each);
    deepEqual([child.regs.get(RIP), thread.regs.get(RIP)], [guest.labels('behind') + 0x10_0000, guest.labels('behind')]);
    child.destroy();
  });

  patchedTest('are kicked at any moment: guests are only ever seen in their own code, with their own registers', (bench) => {
    const guest = bench.guest((a) => {
      a.mov(rbx, 0).label('again').mov(rdi, rbx).mov(rsi, rsp);
      site(a, 39);
      a.cmp(rax, rbx).j('ne', 'bad').inc(rbx).cmp(rsp, rsi).j('e', 'again');
      a.label('bad').ud2();
    });
    ok(patch(bench, guest, 39));
    const { thread } = guest;
    const { regs, trap } = thread;
    let calls = 0;
    let kicks = 0;
    for (let round = 0; round < 30_000 && (kicks < 500 || round < 5000); round++) {
      thread.resume();
      for (let i = round % 97; i > 0; i--) regs.present = -1 & regs.present; // some time goes by
      thread.kick();
      awaitTrap(bench.platform, thread);
      ok(trap.kind === TRAP_SYSCALL || trap.kind === TRAP_KICK, `kind ${trap.kind}, signal ${trap.signal}`);
      ok(regs.get(RIP) >= CODE && regs.get(RIP) < CODE + 4096, regs.get(RIP).toString(16));
      if (trap.kind === TRAP_KICK) {
        kicks++;
        continue;
      }
      equal(regs.get(RBX), calls++);
      answer(thread, regs.get(RDI));
    }
    notEqual(calls, 0);
  });

  patchedTest('of a guest that steps itself are seen as the instruction they stand for', (bench) => {
    const guest = bench.guest((a) => {
      begin(a);
      site(a, 39);
      site2(a);
    });
    ok(patch(bench, guest, 39));
    const { regs, trap } = guest.thread;
    regs.set(RIP, guest.labels('site'));
    regs.set(EFLAGS, 0x302);
    step(bench.platform, guest.thread);
    deepEqual([trap.kind, trap.signal, regs.get(RIP), regs.get(RAX)], [TRAP_SIGNAL, 5, guest.labels('behind') - 2, 39]);
    step(bench.platform, guest.thread);
    deepEqual([trap.kind, trap.nr, regs.get(RIP)], [TRAP_SYSCALL, 39, guest.labels('behind')]);
    equal(regs.get(FS_BASE), 0);
    equal(regs.get(RSP) % 8, 0);
  });
});

function site2(a: Assembler): void {
  a.mov(rax, 60).syscall();
}

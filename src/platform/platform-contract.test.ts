/** What every platform must do, with guests of a few instructions. New platforms join PLATFORMS in fixture.ts. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Assembler } from '../asm/assembler.js';
import { mem, r11, r8, r9, r10, rax, rbx, rcx, rdi, rdx, rsi, rsp } from '../asm/operands.js';

import { PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { FPE_INTDIV, ILL_ILLOPN, SI_KERNEL, SIGFPE, SIGILL, SIGSEGV, SIGTRAP } from '../abi/signal.js';
import { isErr } from '../base/brands.js';
import { HostClock } from '../base/clock.js';
import { eventfdSignal } from '../host/events.js';
import { ringDoorbell } from './doorbell.js';
import { frameBytes } from './frames.js';
import { answer, CODE, DATA, PLATFORMS, step, unwrap, withPlatform, type Bench } from './fixture.js';
import { FAULT_EXEC, FAULT_PROTECTION, FAULT_WRITE, TRAP_FAULT, TRAP_SIGNAL, TRAP_SYSCALL, type HostThread } from './platform.js';
import { EFLAGS, FS_BASE, GS_BASE, R10, R8, R9, RAX, RBX, RCX, RDI, RDX, RIP, RSI } from './registers.js';

for (const [name, create] of Object.entries(PLATFORMS)) {
  const contract = (what: string, body: (bench: Bench) => void): void => void test(what, () => withPlatform(create, body));

  describe(`${name}: system calls`, () => {
    contract('come with number and arguments, and go on with the result', ({ platform, guest }) => {
      const { thread, labels } = guest((a) => {
        a.mov(rdi, 1).mov(rsi, -2).mov(rdx, 0x1234_5678_9abc).mov(r10, 4).mov(r8, 5).mov(r9, 6);
        a.mov(rax, 231).syscall().label('behind');
        a.mov(rbx, rax).mov(rax, 1).syscall();
      });
      step(platform, thread);
      equal(thread.trap.kind, TRAP_SYSCALL);
      equal(thread.trap.nr, 231);
      equal(thread.trap.compat, false);
      equal(thread.regs.get(RIP), labels('behind'));
      deepEqual(
        [RDI, RSI, RDX, R10, R8, R9].map((r) => thread.regs.signed(r)),
        [1, -2, 0x1234_5678_9abc, 4, 5, 6],
      );
      answer(thread, -38);
      step(platform, thread);
      equal(thread.regs.signed(RBX), -38);
      equal(thread.trap.nr, 1);
    });

    contract('are never restarted by the host', ({ platform, guest }) => {
      const { thread, labels } = guest((a) => a.mov(rax, 0).syscall().label('behind').mov(rax, 7).syscall());
      for (const restart of [-512, -513, -514, -516]) {
        thread.regs.set(RIP, CODE);
        step(platform, thread);
        answer(thread, restart);
        thread.kick();
        step(platform, thread);
        equal(thread.trap.nr, 7);
      }
      equal(thread.regs.get(RIP), labels('behind') + 7);
    });

    contract('by int 0x80 are told apart', ({ platform, guest }) => {
      const { thread } = guest((a) => a.mov(rcx, 0x1111).mov(rax, 20).int(0x80).mov(rax, 39).syscall());
      step(platform, thread);
      if (thread.trap.kind === TRAP_SIGNAL) return; // a host without 32-bit calls: #GP, as Linux has it there
      equal(thread.trap.compat, true);
      equal(thread.trap.nr, 20);
      equal(thread.regs.get(RCX), 0x1111);
      answer(thread, 0);
      step(platform, thread);
      equal(thread.trap.compat, false);
    });

    contract('may change any register', ({ platform, guest }) => {
      const { thread } = guest((a) => a.mov(rbx, 3).mov(rax, 39).syscall().rdfsbase(rdi).mov(rsi, rcx).mov(rax, 40).syscall());
      step(platform, thread);
      thread.regs.set(FS_BASE, 0x7000_1234_5000);
      thread.regs.set(RCX, 77);
      answer(thread, 5);
      equal(thread.regs.get(RBX), 3);
      equal(thread.regs.get(RAX), 5);
      step(platform, thread);
      deepEqual(
        [RDI, RSI, RBX].map((r) => thread.regs.get(r)),
        [0x7000_1234_5000, 77, 3],
      );
      thread.regs.setBig(RBX, 0xffff_ffff_ffff_fff1n);
      thread.regs.set(RIP, CODE + 5);
      step(platform, thread);
      equal(thread.regs.signed(RBX), -15);
    });

    contract('leave the red zone and segment bases alone', ({ platform, guest }) => {
      const { thread } = guest((a) => {
        a.mov(rbx, 0x5a5a).store(mem(rsp, -8), rbx).store(mem(rsp, -128), rbx).mov(rax, 39).syscall();
        a.mov(rdi, mem(rsp, -8)).mov(rsi, mem(rsp, -128)).mov(rax, 40).syscall();
      });
      thread.regs.set(FS_BASE, 0x7000_1234_5000);
      thread.regs.set(GS_BASE, 0x1000);
      step(platform, thread);
      answer(thread, 0);
      step(platform, thread);
      deepEqual(
        [RDI, RSI].map((r) => thread.regs.get(r)),
        [0x5a5a, 0x5a5a],
      );
      equal(thread.regs.get(FS_BASE), 0x7000_1234_5000);
      equal(thread.regs.get(GS_BASE), 0x1000);
    });
  });

  describe(`${name}: faults`, () => {
    contract('tell address and access, and the instruction runs again', ({ platform, guest, frames }) => {
      const page = 0x1000_0000;
      const { thread } = guest((a) => {
        a.mov(rbx, page + 8)
          .mov(rcx, 0xc0ffee)
          .mov(r11, 0xabc);
        a.mov(rax, mem(rbx, 0)).store(mem(rbx, 8), rcx).mov(rax, 39).syscall().jmp(rbx);
      });
      const frame = frames.allocate(1);
      const words = new Uint32Array(frameBytes(frames, frame, 4096).buffer, frameBytes(frames, frame, 4096).byteOffset, 1024);
      words[2] = 77;
      step(platform, thread);
      expectFault(thread, page + 8, 0, 0);
      thread.space.map(page, 4096, PROT_READ, frame);
      step(platform, thread);
      expectFault(thread, page + 16, FAULT_PROTECTION | FAULT_WRITE, FAULT_WRITE);
      equal(thread.regs.get(RAX), 77);
      thread.space.protect(page, 4096, PROT_READ | PROT_WRITE);
      step(platform, thread);
      equal(thread.trap.kind, TRAP_SYSCALL);
      // Registers that a system call or sysret would clobber are as they were.
      equal(thread.regs.get(RBX), page + 8);
      equal(words[4], 0xc0ffee);
      answer(thread, 0);
      step(platform, thread);
      expectFault(thread, page + 8, FAULT_PROTECTION | FAULT_EXEC, FAULT_EXEC);
    });

    contract('preserve every register, rcx and r11 among them', ({ platform, guest, frames }) => {
      const { thread } = guest((a) => {
        a.label('again').mov(rax, mem(rbx, 0));
        a.store(mem(rdx, 0), rcx).store(mem(rdx, 8), r11).store(mem(rdx, 16), rdi).mov(rax, 39).syscall();
      });
      const page = 0x1000_0000;
      const frame = frames.allocate(1);
      thread.regs.set(RBX, page);
      thread.regs.set(RDX, DATA);
      thread.regs.set(RCX, 0x1111_2222_3333);
      thread.regs.set(6 /* r11 */, 0x4444_5555_6666);
      thread.regs.set(RDI, -9);
      step(platform, thread);
      thread.completeFault();
      thread.space.map(page, 4096, PROT_READ, frame);
      step(platform, thread);
      equal(thread.trap.kind, TRAP_SYSCALL);
      equal(thread.regs.get(RBX), page);
      equal(thread.regs.signed(RDI), -9);
    });

    contract('of the processor other than page faults are signals', ({ platform, guest }) => {
      const cases: readonly [number, number, (a: Assembler) => void][] = [
        [SIGFPE, FPE_INTDIV, (a) => a.xor(rdx, rdx).mov(rax, 1).xor(rcx, rcx).label('at').div(rcx)],
        [SIGILL, ILL_ILLOPN, (a) => a.label('at').ud2()],
        [SIGTRAP, SI_KERNEL, (a) => a.int3().label('at')],
        [SIGSEGV, SI_KERNEL, (a) => a.label('at').hlt()],
        [SIGSEGV, SI_KERNEL, (a) => a.mov(rax, 0x8000_0000_0000_0000n).label('at').mov(rax, mem(rax))],
      ];
      for (const [signal, code, write] of cases) {
        const { thread, labels } = guest((a) => void write(a));
        step(platform, thread);
        deepEqual([thread.trap.kind, thread.trap.signal, thread.trap.code], [TRAP_SIGNAL, signal, code]);
        equal(thread.regs.get(RIP), labels('at'));
        thread.destroy();
      }
    });

    contract('single steps trap after one instruction', ({ platform, guest }) => {
      const { thread } = guest((a) => a.nop().nop().nop());
      thread.regs.set(EFLAGS, 0x302);
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.trap.signal, thread.regs.get(RIP)], [TRAP_SIGNAL, SIGTRAP, CODE + 1]);
    });
  });

  describe(`${name}: extended state`, () => {
    const vector = 0x1122_3344_5566_7788n;

    contract('survives system calls, faults, batches and completed faults', ({ platform, guest, frames }) => {
      const { thread } = guest((a) => {
        a.mov(rax, vector).movqToXmm(3, rax).vpbroadcastq(3, 3);
        a.mov(rax, 39).syscall();
        a.mov(rbx, 0x1000_0000).store(mem(rbx), rbx);
        a.movqFromXmm(rdi, 3).vextractf128High(4, 3).movqFromXmm(rsi, 4).mov(rax, 39).syscall();
      });
      step(platform, thread);
      answer(thread, 0);
      step(platform, thread);
      thread.completeFault();
      equal(thread.trap.errorCode, FAULT_WRITE);
      thread.space.map(0x1000_0000, 4096, PROT_READ | PROT_WRITE, frames.allocate(1));
      step(platform, thread);
      equal(thread.trap.kind, TRAP_SYSCALL);
      deepEqual([thread.regs.getBig(RDI), thread.regs.getBig(RSI)], [vector, vector]);
    });

    contract('is read, written, reset and refused when malformed', ({ platform, guest }) => {
      const { thread } = guest((a) => {
        a.mov(rax, vector).movqToXmm(0, rax).mov(rax, 39).syscall();
        a.movqFromXmm(rdi, 0).mov(rax, 39).syscall();
        a.movqFromXmm(rdi, 0).mov(rbx, DATA).stmxcsr(mem(rbx)).mov(rax, 39).syscall();
      });
      const image = new Uint8Array(thread.fpSize);
      const view = new DataView(image.buffer);
      step(platform, thread);
      thread.readFp(image);
      equal(view.getBigUint64(160, true), vector); // xmm0 in the FXSAVE area
      view.setBigUint64(160, 99n, true);
      equal(thread.writeFp(image), 0);
      const bad = image.slice();
      new DataView(bad.buffer).setBigUint64(520, 1n << 63n, true); // XCOMP_BV: compacted, not for users
      ok(isErr(thread.writeFp(bad)));
      const reserved = image.slice();
      new DataView(reserved.buffer).setUint32(24, 0xffff_0000, true); // reserved bits of MXCSR
      ok(isErr(thread.writeFp(reserved)));
      answer(thread, 0);
      step(platform, thread);
      equal(thread.regs.get(RDI), 99);
      thread.resetFp();
      answer(thread, 0);
      step(platform, thread);
      equal(thread.regs.get(RDI), 0);
      thread.readFp(image);
      equal(view.getUint16(0, true), 0x37f);
      equal(view.getUint32(24, true), 0x1f80);
    });

    contract('is copied to forks and threads', ({ platform, guest }) => {
      const { thread } = guest((a) => {
        a.mov(rax, vector).movqToXmm(7, rax).mov(rax, 39).syscall();
        a.movqFromXmm(rdi, 7).mov(rax, 40).syscall();
      });
      step(platform, thread);
      for (const copy of [unwrap(thread.space.fork(thread)), unwrap(thread.space.newThread(thread))]) {
        answer(copy, 0);
        step(platform, copy);
        equal(copy.trap.nr, 40);
        equal(copy.regs.getBig(RDI), vector);
      }
    });
  });

  describe(`${name}: waiting`, () => {
    contract('ends at the deadline, or at once', ({ platform, guest }) => {
      const { thread } = guest((a) => a.label('loop').jmp('loop'));
      thread.resume();
      equal(platform.wait(0), null);
      const clock = new HostClock();
      const deadline = clock.monotonicNs() + 2e6;
      while (clock.monotonicNs() < deadline) equal(platform.wait(deadline), null);
      equal(platform.wait(deadline), null);
      equal(platform.wait(1), null);
    });

    contract('is ended by a write to the descriptor of the doorbell', ({ platform }) => {
      for (let round = 0; round < 20; round++) {
        eventfdSignal(platform.doorbell.fd);
        equal(platform.wait(Infinity), null);
      }
    });

    contract('is ended by the doorbell, rung before', ({ platform }) => {
      for (let round = 0; round < 100; round++) {
        ringDoorbell(platform.doorbell);
        equal(platform.wait(Infinity), null);
      }
    });
  });
}

function expectFault(thread: HostThread, address: number, code: number, mask: number): void {
  equal(thread.trap.kind, TRAP_FAULT);
  equal(thread.trap.address, address);
  equal(thread.trap.errorCode & FAULT_PROTECTION, code & FAULT_PROTECTION);
  thread.completeFault();
  equal(thread.trap.accessKnown, true);
  equal(thread.trap.errorCode & (FAULT_WRITE | FAULT_EXEC), mask);
}

/** Guests that attack the seccomp platform's stub: the kernel goes on, others are untouched, at worst the attacker dies. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe } from 'node:test';
import { PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import type { Assembler } from '../../asm/assembler.js';
import { ecx, mem, r10, r8, r9, rax, rbx, rcx, rdi, rdx, rsi, rsp } from '../../asm/operands.js';
import { HostClock } from '../../base/clock.js';
import { answer, awaitTrap, CODE, DATA, step, unwrap } from '../fixture.js';
import { TRAP_DEAD, TRAP_FAULT, TRAP_KICK, TRAP_SIGNAL, TRAP_SYSCALL, type HostThread, type Platform } from '../platform.js';
import { RAX, RBX, RDI, RDX, RIP, RSP } from '../registers.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from '../stub/layout.js';
import { attack, forge, lastCall } from './attack.fixture.js';
import { BELL_RUNG, STUB_DOORBELL } from './layout.js';
import type { SeccompPlatform } from './seccomp-platform.js';

const clock = new HostClock();
const KINDS = [TRAP_SYSCALL, TRAP_FAULT, TRAP_SIGNAL, TRAP_KICK, TRAP_DEAD];

/** Resumes; whatever the guest does, a kick brings it back, or death. */
function stepKicked(platform: Platform, thread: HostThread): number {
  thread.resume();
  if (thread.running) {
    const early = platform.wait(0);
    if (early === null) thread.kick();
    else if (early === thread) return thread.trap.kind;
  }
  awaitTrap(platform, thread);
  return thread.trap.kind;
}

describe('seccomp: attacks', () => {
  attack('jumps to every byte of the stub', ({ platform, guest }) => {
    const size = (platform as SeccompPlatform).stub.bytes.length;
    for (let offset = 0; offset < size; offset += 1) {
      const { thread } = guest((a) => a.jmp(rax));
      for (let register = 0; register < 15; register++) thread.regs.set(register, 0);
      thread.regs.set(RAX, STUB_CODE + offset);
      thread.regs.set(RBX, STUB_REQUEST);
      thread.regs.set(RDX, STUB_DATA);
      thread.regs.set(RDI, 3);
      ok(KINDS.includes(stepKicked(platform, thread)), `offset ${offset}`);
      thread.destroy();
    }
  });

  attack('makes every call of the stub itself, from its own code and with its own arguments', ({ platform, guest }) => {
    for (const nr of [NR.mmap, NR.munmap, NR.mprotect, NR.clone, NR.pwrite64, NR.seccomp, NR.prctl, NR.exit, NR.rt_sigreturn, NR.futex]) {
      const { thread } = guest((a) => a.mov(rdi, 0).mov(rsi, 4096).mov(rdx, 3).mov(r10, 17).mov(r8, 0).mov(r9, 0).mov(rax, nr).syscall());
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.trap.nr], [TRAP_SYSCALL, nr]);
      thread.destroy();
    }
  });

  attack("jumps to the stub's own calls with mmap's number", ({ platform, guest, frames }) => {
    const { bytes } = (platform as SeccompPlatform).stub;
    for (let offset = 0; offset + 1 < bytes.length; offset++) {
      if (bytes[offset] !== 0x0f || bytes[offset + 1] !== 0x05) continue;
      const { thread } = guest((a) =>
        mapAll(a, frames.fd)
          .mov(rbx, STUB_CODE + offset)
          .jmp(rbx),
      );
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.trap.nr], [TRAP_SYSCALL, NR.mmap], `call at ${offset}`);
      thread.destroy();
    }
  });

  attack("waits on and wakes words of the kernel by the stub's futex calls", ({ platform, guest }) => {
    const { bytes } = (platform as SeccompPlatform).stub;
    for (let offset = 0; offset + 1 < bytes.length; offset++) {
      if (bytes[offset] !== 0x0f || bytes[offset + 1] !== 0x05) continue;
      for (const word of [STUB_REQUEST + 3968, STUB_DOORBELL + BELL_RUNG]) {
        const { thread } = guest((a) =>
          a
            .mov(rdi, word)
            .mov(rsi, 0)
            .mov(rdx, 0)
            .mov(r10, 0)
            .mov(rax, NR.futex)
            .mov(rbx, STUB_CODE + offset)
            .jmp(rbx),
        );
        step(platform, thread);
        deepEqual([thread.trap.kind, thread.trap.nr], [TRAP_SYSCALL, NR.futex], `call at ${offset}`);
        thread.destroy();
      }
    }
  });

  attack('returns by a forged frame that blocks all signals: system calls end it', ({ platform, guest }) => {
    const { thread } = guest((a) =>
      forge(a, platform as SeccompPlatform, 'masked')
        .label('masked')
        .mov(rax, 39)
        .syscall(),
    );
    step(platform, thread);
    equal(thread.trap.kind, TRAP_DEAD);
  });

  attack('returns by a forged frame that blocks all signals and never calls: the kick finds it deaf', ({ platform, guest }) => {
    const { thread } = guest((a) =>
      forge(a, platform as SeccompPlatform, 'masked')
        .label('masked')
        .jmp('masked'),
    );
    thread.resume();
    equal(platform.wait(clock.monotonicNs() + 2e6), null);
    thread.kick();
    awaitTrap(platform, thread);
    ok([TRAP_DEAD, TRAP_KICK].includes(thread.trap.kind)); // a kick that was there before the mask is heard
    if (thread.trap.kind === TRAP_DEAD) equal(thread.trap.signal, SIGKILL);
  });

  attack('hands over its turn and runs on', ({ platform, guest }) => {
    const { thread, data } = guest((a) => {
      a.mov(rbx, STUB_DATA).mov(ecx, 1).xchg(mem(rbx), ecx);
      a.mov(rbx, DATA).mov(rcx, 1).label('on').lockXadd(mem(rbx), rcx).jmp('on');
    });
    thread.resume();
    awaitTrap(platform, thread);
    const before = data.getUint32(0, true);
    while (data.getUint32(0, true) === before); // it is still there
    equal(thread.running, false);
    thread.space.unmap(DATA, 4096);
    equal(thread.space.commit(), 0); // ... and what is unmapped is gone, by whoever runs
    const gone = data.getUint32(0, true);
    for (let look = 0; look < 1000; look++) equal(data.getUint32(0, true), gone);
    thread.destroy();
  });

  attack('writes to all of its stub data while another thread is served', ({ platform, guest }) => {
    const { thread, labels } = guest((a) => {
      a.label('calls').mov(rax, 39).syscall().jmp('calls');
      a.label('writes')
        .mov(rbx, STUB_DATA)
        .mov(rcx, (platform as SeccompPlatform).dataStride / 8);
      a.label('next').store(mem(rbx), rdx).add(rbx, 8).dec(rcx).j('ne', 'next').add(rdx, 0x1111).jmp('writes');
    });
    const writer = unwrap(thread.space.newThread(thread));
    writer.regs.set(RIP, labels('writes'));
    writer.resume();
    for (let round = 0; round < 100 && !thread.running; round++) {
      answer(thread, 0);
      thread.resume();
      const deadline = clock.monotonicNs() + 2e6;
      while (thread.running && clock.monotonicNs() < deadline) platform.wait(deadline);
    }
    thread.space.destroy();
  });

  attack('ends its own host thread', ({ platform, guest }) => {
    const stub = (platform as SeccompPlatform).stub;
    const exit = lastCall(stub.bytes.subarray(0, stub.bytes.length));
    const { thread } = guest((a) =>
      a
        .mov(rdi, 0)
        .mov(rax, NR.exit)
        .mov(rbx, STUB_CODE + exit)
        .jmp(rbx),
    );
    step(platform, thread);
    equal(thread.trap.kind, TRAP_DEAD);
  });

  attack('sets its segment bases and stack to the stub', ({ platform, guest }) => {
    const { thread } = guest((a) => {
      a.mov(rax, STUB_DATA)
        .wrfsbase(rax)
        .mov(rax, STUB_CODE)
        .wrgsbase(rax)
        .mov(rsp, STUB_DATA + 600)
        .mov(rax, 39)
        .syscall();
    });
    step(platform, thread);
    deepEqual([thread.trap.kind, thread.trap.nr, thread.regs.get(RSP)], [TRAP_SYSCALL, 39, STUB_DATA + 600]);
  });

  attack('calls by x32 and vsyscall numbers', ({ platform, guest }) => {
    const { thread } = guest((a) => a.mov(rax, 0x4000_0001).syscall());
    step(platform, thread);
    deepEqual([thread.trap.kind, thread.trap.nr], [TRAP_SYSCALL, 0x4000_0001]);
    const page = guest((a) => a.mov(rax, 0xffff_ffff_ff60_0000n).call(rax));
    step(platform, page.thread);
    notEqual(page.thread.trap.kind, TRAP_DEAD);
  });
});

/** The arguments of an mmap of all guest RAM. */
function mapAll(a: Assembler, fd: number): Assembler {
  return a
    .mov(rdi, CODE + 0x1000_0000)
    .mov(rsi, 0x10_0000)
    .mov(rdx, PROT_READ | PROT_WRITE)
    .mov(r10, 1)
    .mov(r8, fd)
    .mov(r9, 0)
    .mov(rax, NR.mmap);
}

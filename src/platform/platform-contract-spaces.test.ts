/** What every platform must do, continued: address spaces, threads, hostile guests. See platform-contract.test.ts. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';

import { mem, rax, rbx, rcx, rdi, rsi } from '../asm/operands.js';
import { ENOMEM } from '../abi/errno.js';
import { PROT_NONE, PROT_READ, PROT_WRITE } from '../abi/mman.js';
import { SIGSEGV } from '../abi/signal.js';

import { frameBytes } from './frames.js';
import { answer, awaitTrap, CODE, DATA, PLATFORMS, step, unwrap, withPlatform, type Bench } from './fixture.js';
import {
  FAULT_EXEC,
  FAULT_PROTECTION,
  FAULT_WRITE,
  TASK_SIZE,
  TRAP_DEAD,
  TRAP_FAULT,
  TRAP_KICK,
  TRAP_SIGNAL,
  TRAP_SYSCALL,
  type HostThread,
} from './platform.js';
import { FS_BASE, R12, RAX, RBX, RDI, RDX, RIP, RSI, RSP } from './registers.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from './stub/layout.js';

for (const [name, create] of Object.entries(PLATFORMS)) {
  const contract = (what: string, body: (bench: Bench) => void): void => void test(what, () => withPlatform(create, body));

  describe(`${name}: spaces`, () => {
    contract('of a fork are apart, and what is queued reaches both', ({ platform, guest, frames }) => {
      const { thread, data } = guest((a) => {
        a.mov(rbx, DATA).mov(rdi, mem(rbx)).mov(rax, 39).syscall();
        a.mov(rcx, 1).store(mem(rbx, 8), rcx).mov(rdi, mem(rbx)).mov(rax, 40).syscall();
      });
      data.setUint32(0, 5, true);
      step(platform, thread);
      thread.space.protect(DATA, 4096, PROT_READ);
      const child = unwrap(thread.space.fork(thread));
      notEqual(child.space, thread.space);
      equal(child.regs.get(RDI), 5);
      for (const each of [thread, child]) {
        answer(each, 0);
        step(platform, each);
        equal(each.trap.kind, TRAP_FAULT);
        equal(each.trap.address, DATA + 8);
      }
      const copy = frames.allocate(1);
      frameBytes(frames, copy, 4096)[0] = 6;
      child.space.map(DATA, 4096, PROT_READ | PROT_WRITE, copy);
      thread.space.protect(DATA, 4096, PROT_READ | PROT_WRITE);
      step(platform, child);
      step(platform, thread);
      deepEqual([child.regs.get(RDI), thread.regs.get(RDI)], [6, 5]);
      child.destroy();
      answer(thread, 0);
      equal(thread.space.commit(), 0);
    });

    contract('unmap and clear take memory away', ({ platform, guest }) => {
      const { thread } = guest((a) => a.mov(rbx, DATA).mov(rax, mem(rbx)).mov(rax, 39).syscall());
      thread.space.unmap(DATA, 4096);
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.trap.address, thread.trap.errorCode & FAULT_PROTECTION], [TRAP_FAULT, DATA, 0]);
      thread.space.clear();
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.trap.address], [TRAP_FAULT, CODE + 5]);
      thread.completeFault();
      equal(thread.trap.errorCode & FAULT_EXEC, FAULT_EXEC);
    });

    contract('tell which operation failed, and drop the rest', ({ platform, guest }) => {
      const { thread } = guest((a) => a.mov(rbx, DATA).mov(rax, mem(rbx)).mov(rax, 39).syscall());
      thread.space.protect(0x1234_5000, 4096, PROT_READ); // nothing there
      thread.space.unmap(DATA, 4096);
      equal(thread.space.commit(), ENOMEM);
      equal(thread.space.commit(), 0);
      step(platform, thread);
      equal(thread.trap.kind, TRAP_SYSCALL);
    });

    contract('take more operations than the request page holds', ({ platform, guest, frames }) => {
      const { thread } = guest((a) => {
        a.mov(rbx, 0x1000_0000).mov(rcx, 500).xor(rdi, rdi);
        a.label('next').add(rdi, mem(rbx)).add(rbx, 8192).dec(rcx).j('ne', 'next').mov(rax, 39).syscall();
      });
      for (let page = 0; page < 500; page++) {
        const frame = frames.allocate(1);
        frameBytes(frames, frame, 4096)[0] = 1;
        thread.space.map(0x1000_0000 + page * 8192, 4096, PROT_READ, frame);
      }
      step(platform, thread);
      equal(thread.trap.kind, TRAP_SYSCALL);
      equal(thread.regs.get(RDI), 500);
    });

    contract('merge neighbours without losing the order', ({ platform, guest, frames }) => {
      const { thread } = guest((a) => a.mov(rbx, DATA).mov(rdi, mem(rbx)).add(rbx, 4096).mov(rsi, mem(rbx)).mov(rax, 39).syscall());
      const two = frames.allocate(2);
      frameBytes(frames, two, 8192)[0] = 1;
      frameBytes(frames, two, 8192)[4096] = 2;
      thread.space.unmap(DATA, 4096);
      thread.space.unmap(DATA + 4096, 4096);
      thread.space.map(DATA, 4096, PROT_READ, two);
      thread.space.map(DATA + 4096, 4096, PROT_READ, two + 4096);
      thread.space.protect(DATA, 4096, PROT_NONE);
      thread.space.map(DATA, 4096, PROT_READ, two);
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.regs.get(RDI), thread.regs.get(RSI)], [TRAP_SYSCALL, 1, 2]);
    });

    contract('return all frames', ({ platform, guest, frames }) => {
      const { thread } = guest((a) => a.mov(rax, 39).syscall());
      const before = frames.inUse;
      for (let round = 0; round < 3; round++) {
        const child = unwrap(thread.space.fork(thread));
        const second = unwrap(child.space.newThread(child));
        second.destroy();
        unwrap(child.space.newThread(child));
        child.space.destroy();
      }
      platform.settle?.();
      equal(frames.inUse, before);
    });
  });

  describe(`${name}: threads`, () => {
    contract('run at the same time in one memory', ({ platform, guest }) => {
      // Each waits in user mode for the other: a platform that ran one at a time would never end.
      const { thread } = guest((a) => {
        a.mov(rbx, DATA)
          .mov(rcx, 1)
          .add(rbx, rdi)
          .lockXadd(mem(rbx), rcx)
          .mov(rbx, DATA + 8)
          .sub(rbx, rdi);
        a.label('wait').pause().mov(rax, mem(rbx)).test(rax, rax).j('e', 'wait').mov(rax, 39).syscall();
      });
      const second = unwrap(thread.space.newThread(thread));
      second.regs.set(RDI, 8);
      thread.regs.set(RDI, 0);
      thread.resume();
      second.resume();
      const trapped = new Set<HostThread>();
      while (trapped.size < 2) {
        const one = platform.wait(Infinity);
        if (one === null) continue;
        equal(one.trap.kind, TRAP_SYSCALL);
        trapped.add(one);
      }
      deepEqual(trapped, new Set([thread, second]));
    });

    contract('are kicked out of an endless loop', ({ platform, guest }) => {
      const { thread } = guest((a) => a.mov(rbx, 1).label('loop').inc(rbx).jmp('loop'));
      thread.resume();
      equal(platform.wait(0), null);
      equal(thread.running, true);
      thread.kick();
      awaitTrap(platform, thread);
      equal(thread.trap.kind, TRAP_KICK);
      const before = thread.regs.get(RBX);
      thread.resume();
      thread.kick();
      thread.kick();
      awaitTrap(platform, thread);
      ok(thread.regs.get(RBX) >= before);
      thread.kick(); // a stopped one is not kicked
      thread.regs.set(RIP, CODE);
      thread.resume();
      equal(platform.wait(0), null);
    });

    contract('are stopped for address-space changes and go on', ({ platform, guest, frames }) => {
      const { thread } = guest((a) => a.mov(rbx, DATA).label('loop').mov(rdi, mem(rbx)).cmp(rdi, 9).j('ne', 'loop').mov(rax, 39).syscall());
      thread.resume();
      const frame = frames.allocate(1);
      frameBytes(frames, frame, 4096)[0] = 9;
      thread.space.map(DATA, 4096, PROT_READ, frame);
      equal(thread.space.commit(), 0);
      awaitTrap(platform, thread);
      deepEqual([thread.trap.kind, thread.regs.get(RDI)], [TRAP_SYSCALL, 9]);
    });

    contract('keep a trap that came while they were stopped for others', ({ platform, guest }) => {
      const { thread, data } = guest((a) => a.mov(rbx, DATA).mov(rcx, 1).store(mem(rbx), rcx).mov(rax, 39).syscall());
      thread.resume();
      let reported = false;
      while (data.getUint32(0, true) === 0) reported ||= platform.wait(0) !== null;
      thread.space.unmap(DATA, 4096);
      equal(thread.space.commit(), 0);
      // On a busy machine the call may have been reported between the guest's store and our look at it.
      if (reported) ok(!thread.running);
      else if (thread.running) awaitTrap(platform, thread);
      else equal(platform.wait(Infinity), thread);
      deepEqual([thread.trap.kind, thread.trap.nr], [TRAP_SYSCALL, 39]);
    });

    contract('fault again when a fault came while they were stopped for others', ({ platform, guest, frames }) => {
      const { thread, data } = guest((a) => a.mov(rbx, DATA).mov(rcx, 1).store(mem(rbx), rcx).mov(rbx, 0x1000_0000).store(mem(rbx), rcx));
      thread.resume();
      let reported = false;
      while (data.getUint32(0, true) === 0) reported ||= platform.wait(0) !== null;
      for (let change = 0; change < 10; change++) {
        thread.space.map(DATA, 4096, change % 2 === 0 ? PROT_READ : PROT_NONE, frames.allocate(1));
        equal(thread.space.commit(), 0);
      }
      // As above; a thread whose fault was reported has to be let go to fault again.
      if (reported) thread.resume();
      awaitTrap(platform, thread);
      thread.completeFault();
      deepEqual([thread.trap.kind, thread.trap.address, thread.trap.errorCode], [TRAP_FAULT, 0x1000_0000, FAULT_WRITE]);
    });

    contract('end one by one, the first among them', ({ platform, guest }) => {
      const { thread } = guest((a) => a.label('loop').mov(rax, 39).syscall().jmp('loop'));
      const second = unwrap(thread.space.newThread(thread));
      const third = unwrap(thread.space.newThread(thread));
      thread.destroy();
      step(platform, second);
      second.resume();
      second.destroy();
      step(platform, third);
      equal(third.trap.nr, 39);
      third.space.map(0x1000_0000, 4096, PROT_READ, 0);
      equal(third.space.commit(), 0);
      third.destroy();
      equal(platform.wait(0), null);
    });
  });

  describe(`${name}: hostile guests`, () => {
    contract('jump into the stub without harm', ({ platform, guest }) => {
      const witness = guest((a) => a.mov(rax, 39).syscall());
      for (let offset = 0; offset < 256; offset += 1) {
        const { thread } = guest((a) => a.jmp(rax));
        for (let register = 0; register < 15; register++) thread.regs.set(register, 0);
        thread.regs.set(RAX, STUB_CODE + offset);
        thread.regs.set(RBX, STUB_REQUEST);
        thread.regs.set(R12, 1);
        thread.regs.set(RDX, STUB_DATA);
        step(platform, thread);
        // Whatever it does there, it traps; no call is made.
        ok([TRAP_SYSCALL, TRAP_FAULT, TRAP_SIGNAL].includes(thread.trap.kind), `offset ${offset}`);
        thread.destroy();
      }
      step(platform, witness.thread);
      equal(witness.thread.trap.nr, 39);
    });

    contract('cannot write the request page or the stub', ({ platform, guest }) => {
      for (const target of [STUB_REQUEST, STUB_CODE]) {
        const { thread } = guest((a) => a.store(mem(rbx), rax));
        thread.regs.set(RBX, target);
        step(platform, thread);
        deepEqual([thread.trap.kind, thread.trap.address], [TRAP_FAULT, target]);
      }
    });

    contract('find nothing of the host in their address space', ({ platform, guest }) => {
      const { thread } = guest((a) => a.mov(rax, mem(rbx)));
      for (const address of [0x6000_0000, TASK_SIZE, 0x7fff_0000_0000, 0x7fff_ffff_e000]) {
        thread.regs.set(RIP, CODE);
        thread.regs.set(RBX, address);
        step(platform, thread);
        deepEqual([thread.trap.kind, thread.trap.address, thread.trap.errorCode & FAULT_PROTECTION], [TRAP_FAULT, address, 0]);
      }
    });

    contract('with an impossible register die alone', ({ platform, guest }) => {
      const witness = guest((a) => a.mov(rax, 39).syscall());
      const { thread } = guest((a) => a.mov(rax, 39).syscall());
      thread.regs.setBig(FS_BASE, 0xffff_8000_0000_0000n);
      step(platform, thread);
      deepEqual([thread.trap.kind, thread.trap.signal], [TRAP_DEAD, SIGSEGV]);
      thread.destroy();
      step(platform, witness.thread);
      equal(witness.thread.trap.nr, 39);
    });

    contract('with rsp in the stub data fault like others', ({ platform, guest }) => {
      for (const rspValue of [0, STUB_DATA + 8, STUB_DATA + 8000, STUB_REQUEST + 64, 0x7fff_0000_0000]) {
        const { thread } = guest((a) => a.mov(rbx, 0x1000_0000).store(mem(rbx), rbx));
        thread.regs.set(RSP, rspValue);
        step(platform, thread);
        thread.completeFault();
        deepEqual([thread.trap.kind, thread.trap.errorCode], [TRAP_FAULT, FAULT_WRITE]);
        equal(thread.regs.get(RSP), rspValue);
        thread.destroy();
      }
    });
  });
}

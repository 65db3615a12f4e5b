import type { Errno } from '../base/brands.js';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Assembler } from '../asm/assembler.js';
import { rax, rbx, rcx, rdi } from '../asm/operands.js';
import { PhysMem } from '../mm/phys-mem.js';
import { PtracePlatform } from './ptrace/ptrace-platform.js';
import { frameBytes } from './frames.js';
import * as R from './registers.js';
import { TRAP_SYSCALL, type HostThread } from './platform.js';

test('syscall', () => {
  const phys = PhysMem.create(1 << 28) as PhysMem;
  const p = PtracePlatform.create(phys) as PtracePlatform;
  if (!(p instanceof PtracePlatform)) assert.fail(JSON.stringify(p));
  const t = p.createSpace();
  if (typeof t === 'number') assert.fail(`createSpace ${t}`);
  const f = phys.allocate(1) as number;
  const a = new Assembler();
  a.mov(rcx, 0).mov(rbx, 5).label('l').mov(rax, 39).mov(rdi, 7).syscall().jmp('l');
  frameBytes(phys, f, 4096).set(a.assemble());
  t.space.map(0x10000, 4096, 5, f);
  assert.equal(t.space.commit(), 0);
  t.regs.set(R.RIP, 0x10000);
  t.resume();
  const got = p.wait(Infinity);
  assert.equal(got, t);
  assert.equal(t.trap.kind, TRAP_SYSCALL);
  assert.equal(t.trap.nr, 39);
  assert.equal(t.regs.get(R.RBX), 5);
  assert.equal(t.trap.compat, false);
  for (let round = 0; round < 3; round++) {
    const N = 20000;
    const t0 = performance.now();
    for (let i = 0; i < N; i++) {
      t.regs.set(R.RAX, 1);
      t.resume();
      p.wait(Infinity);
    }
    console.log('us/trap', ((performance.now() - t0) * 1000) / N);
  }
  let t0 = performance.now();
  for (let i = 0; i < 300; i++) {
    const c: HostThread | Errno = t.space.fork(t);
    if (typeof c === 'number') assert.fail(`fork ${c}`);
    c.resume();
    while ((p.wait(Infinity) as unknown) !== c);
    c.destroy();
  }
  console.log('us/fork', ((performance.now() - t0) * 1000) / 300);
  console.log(p.wait(0), p.counters());
  p.shutdown();
});

/**
 * Guests that try to hold up the kernel thread, and with it all others: by threads that are waited for and do not come, by traps
 * without end. What it does meanwhile is counted (looks at a thread that is overdue, traps served), not timed.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe } from 'node:test';
import { ESRCH } from '../../abi/errno.js';
import { NR } from '../../abi/syscall-numbers.js';
import { ecx, mem, rax, rbx, rcx, rdi } from '../../asm/operands.js';
import { HostClock } from '../../base/clock.js';
import { readThreadProgress } from '../../host/proc.js';
import { kill } from '../../host/process.js';
import { ringDoorbell } from '../doorbell.js';
import { awaitTrap, DATA, step, unwrap } from '../fixture.js';
import { TRAP_DEAD, TRAP_KICK, TRAP_SYSCALL } from '../platform.js';
import { RIP } from '../registers.js';
import { STUB_CODE, STUB_DATA } from '../stub/layout.js';
import { attack, forge, lastCall } from './attack.fixture.js';
import { DATA_TURN, TURN_CALL, TURN_KERNEL } from './layout.js';
import { overdueCounts } from './overdue.js';
import type { SeccompPlatform } from './seccomp-platform.js';
import type { SeccompSpace } from './seccomp-space.js';
import type { SeccompThread } from './seccomp-thread.js';

const SIGSTOP = 19;
/** Of a thread that is found to sleep or stand, and some more. */
const FEW_LOOKS = 30;
const clock = new HostClock();

/** Looks at overdue threads that `body` takes. */
function looksOf(body: () => void): number {
  const before = overdueCounts.looks;
  body();
  return overdueCounts.looks - before;
}

describe('seccomp: hold-ups', () => {
  attack('ends its thread, which then seems to stand in a patched call', ({ platform, guest }) => {
    const exit = lastCall((platform as SeccompPlatform).stub.bytes);
    const { thread, data, labels } = guest((a) => {
      a.mov(rdi, 0)
        .mov(rax, NR.exit)
        .mov(rbx, STUB_CODE + exit)
        .jmp(rbx);
      a.label('other').mov(rbx, DATA);
      a.label('wait').mov(ecx, mem(rbx)).test(ecx, ecx).j('e', 'wait');
      a.mov(ecx, TURN_KERNEL | TURN_CALL)
        .mov(rbx, STUB_DATA + DATA_TURN)
        .xchg(mem(rbx), ecx);
      a.label('on').jmp('on');
    });
    const other = unwrap(thread.space.newThread(thread));
    other.regs.set(RIP, labels('other'));
    other.resume();
    thread.resume();
    while (readThreadProgress(thread.space.leader, thread.tid).state !== 'X');
    data.setUint32(0, 1, true);
    while (!(thread as SeccompThread).hasTrapped);
    awaitTrap(platform, thread);
    equal(thread.trap.kind, TRAP_SYSCALL);
    ok(looksOf(() => thread.readFp(new Uint8Array(thread.fpSize))) <= 2);
    thread.resume();
    while (platform.wait(Infinity) !== thread);
    equal(thread.trap.kind, TRAP_DEAD);
    thread.space.destroy();
  });

  attack('has a mm thread that does not run', ({ guest }) => {
    const { thread } = guest((a) => a.nop());
    equal(thread.space.commit(), 0);
    kill(thread.space.leader, SIGSTOP);
    thread.space.unmap(DATA, 4096);
    ok(looksOf(() => equal(thread.space.commit(), ESRCH)) <= FEW_LOOKS);
    thread.destroy();
  });

  attack('seems to stand and is told to end, but runs on', ({ platform, guest }) => {
    const { thread, labels } = guest((a) => {
      a.mov(rbx, STUB_DATA).mov(ecx, TURN_KERNEL).xchg(mem(rbx), ecx);
      a.label('on').jmp('on');
    });
    const sibling = unwrap(thread.space.newThread(thread));
    sibling.regs.set(RIP, labels('on'));
    sibling.resume();
    step(platform, thread);
    equal(
      looksOf(() => thread.destroy()),
      0, // nobody waits for it
    );
    awaitTrap(platform, sibling);
    equal(sibling.trap.kind, TRAP_DEAD);
    sibling.space.destroy();
  });

  attack('is told to end while it runs, and hears nothing', ({ platform, guest }) => {
    const { thread, data } = guest((a) => {
      forge(a, platform as SeccompPlatform, 'masked').label('masked');
      a.mov(rbx, DATA).mov(rcx, 1).store(mem(rbx), rcx).label('on').jmp('on');
    });
    const sibling = unwrap(thread.space.newThread(thread));
    thread.resume();
    while (data.getUint32(0, true) === 0);
    thread.destroy();
    const { space } = sibling;
    while (!(space as SeccompSpace).isGone) platform.wait(clock.monotonicNs() + 1e6);
    space.destroy();
  });

  attack('ignores kicks by pretending to stand in a patched call', ({ platform, guest }) => {
    const { thread, data } = guest((a) => {
      a.mov(ecx, TURN_CALL)
        .mov(rbx, STUB_DATA + DATA_TURN)
        .xchg(mem(rbx), ecx);
      a.mov(rbx, DATA).mov(rcx, 1).store(mem(rbx), rcx).label('on').jmp('on');
    });
    thread.resume();
    while (data.getUint32(0, true) === 0);
    thread.kick();
    const looks = looksOf(() => awaitTrap(platform, thread));
    equal(thread.trap.kind, TRAP_DEAD);
    ok(looks < 100, `${looks} looks`); // 10 s of them before
  });

  attack('seems to trap without end, with nothing to tell', ({ platform, guest }) => {
    const { thread, labels } = guest((a) => {
      a.label('on').jmp('on');
      a.label('other').mov(rbx, STUB_DATA + DATA_TURN);
      a.label('again').mov(ecx, TURN_KERNEL).xchg(mem(rbx), ecx).jmp('again');
    });
    const other = unwrap(thread.space.newThread(thread));
    thread.resume();
    equal(platform.wait(0), null);
    thread.kick();
    awaitTrap(platform, thread);
    equal(thread.trap.kind, TRAP_KICK); // its frame is that of a kick from now on
    other.regs.set(RIP, labels('other'));
    thread.resume();
    other.resume();
    for (let round = 0; round < 20; round++) equal(platform.wait(clock.monotonicNs() + 1e6), null);
    ringDoorbell(platform.doorbell);
    equal(platform.wait(Infinity), null);
    thread.space.destroy();
  });

  attack('traps so often that there is always somebody to be served', ({ platform, guest }) => {
    const { thread } = guest((a) => a.label('again').mov(rax, NR.getpid).syscall().jmp('again'));
    const threads = [thread, ...Array.from({ length: 99 }, () => unwrap(thread.space.newThread(thread)))];
    for (const each of threads) each.resume();
    while (threads.some((each) => !(each as SeccompThread).hasTrapped));
    ringDoorbell(platform.doorbell);
    const served = new Set();
    for (let trapped = platform.wait(Infinity); trapped !== null; trapped = platform.wait(Infinity)) served.add(trapped);
    ok(served.size < 100, `${served.size} served before the doorbell`);
    deepEqual(
      [...served].filter((each) => !threads.includes(each as (typeof threads)[0])),
      [],
    );
    thread.space.destroy();
  });
});

/**
 * How soon a guest that computes traps after a kick: within 10 ms, in time that the guest itself has run. It counts; what it counts
 * in a nanosecond of its CPU time is measured first, so that a busy host does not matter.
 */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { mem, rbx, rcx } from '../asm/operands.js';
import { HostClock } from '../base/clock.js';
import { readThreadProgress } from '../host/proc.js';
import { awaitTrap, DATA, PLATFORMS, withPlatform } from './fixture.js';
import { TRAP_KICK } from './platform.js';

const BOUND_NS = 10e6;
const KICKS = 15;
/** CPU time for the measure, many ticks of hosts that count no finer. */
const MEASURED_NS = 60e6;
const clock = new HostClock();

for (const [name, create] of Object.entries(PLATFORMS)) {
  test(`${name}: a kick interrupts a computing guest within 10 ms`, () =>
    withPlatform(create, ({ platform, guest }) => {
      const { thread, data } = guest((a) => a.mov(rbx, DATA).mov(rcx, 1).label('on').lockXadd(mem(rbx), rcx).mov(rcx, 1).jmp('on'));
      const counted = (): number => data.getUint32(0, true);
      const ranNs = (): number => readThreadProgress(thread.space.leader, thread.tid).ranNs;
      thread.resume();
      const [ranBefore, countBefore] = [ranNs(), counted()];
      while (ranNs() - ranBefore < MEASURED_NS) equal(platform.wait(clock.monotonicNs() + 1e6), null);
      const perNs = (counted() - countBefore) / (ranNs() - ranBefore);
      const tookNs: number[] = [];
      for (let kick = 0; kick < KICKS; kick++) {
        equal(platform.wait(clock.monotonicNs() + 1e6), null);
        const before = counted();
        thread.kick();
        awaitTrap(platform, thread);
        equal(thread.trap.kind, TRAP_KICK);
        tookNs.push((counted() - before) / perNs);
        thread.resume();
      }
      tookNs.sort((a, b) => a - b);
      // Between the look at the count and the kick the kernel may itself have had no CPU: most of them tell.
      const median = tookNs[KICKS >> 1]!;
      ok(median < BOUND_NS, `${median} ns by the median`);
    }));
}

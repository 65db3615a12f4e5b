/** Placement as the host sees it: the affinity of a process that stands for a guest thread. */
import { deepEqual, equal, notDeepEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { CPU_SET_BYTES, getAffinity } from '../../host/process.js';
import { newPlace, Placement } from './placement.js';

/** Longer than a guest must compute to be let go. */
const COMPUTING_MS = 3;

function affinity(tid: number): Uint8Array {
  const cpus = new Uint8Array(CPU_SET_BYTES);
  equal(getAffinity(tid, cpus) < 0, false);
  return cpus;
}

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('guests stay off the kernel CPU, unless they compute while it sleeps', (t) => {
  const before = affinity(0);
  const child = spawn('sleep', ['60']);
  const placement = new Placement();
  try {
    if (!placement.enabled) return t.skip('one CPU');
    const guest = { tid: child.pid!, place: newPlace(), hasTrapped: false };
    placement.addStub(guest.tid);
    const away = affinity(guest.tid);
    const near = affinity(0);
    deepEqual(
      away.map((byte, i) => byte & near[i]!),
      new Uint8Array(CPU_SET_BYTES),
    );
    deepEqual(
      away.map((byte, i) => byte | near[i]!),
      before,
    );
    const running = Array.from({ length: placement.others + 1 }, () => guest);
    placement.beforeSleep([guest].slice(0, placement.others));
    spin(COMPUTING_MS);
    equal(placement.afterSleep([guest]), 0); // there is a CPU for each
    placement.beforeSleep(running);
    spin(COMPUTING_MS);
    equal(placement.afterSleep(running), 1);
    deepEqual(affinity(guest.tid), before);
    for (let trap = 0; trap < 100; trap++) placement.onResume(guest, false);
    deepEqual(affinity(guest.tid), before); // others run
    for (let trap = 0; trap < 100; trap++) placement.onResume(guest, true);
    deepEqual(affinity(guest.tid), away);
    notDeepEqual(away, before);
  } finally {
    placement.stop();
    child.kill('SIGKILL');
  }
  deepEqual(affinity(0), before);
});

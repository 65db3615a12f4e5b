/**
 * A program for the tests of what survives: runs a platform (second argument), on the main thread or a worker (first argument), with
 * one guest that computes for ever and one that is stopped; prints the ids of all stub processes and goes on. SIGUSR2 ends the
 * worker.
 */
import { readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { Assembler } from '../asm/assembler.js';
import { CODE, PLATFORMS, PlainFrames, unwrap } from './fixture.js';
import { ringDoorbell } from './doorbell.js';
import { frameBytes } from './frames.js';
import type { DoorbellHandle } from './platform.js';
import { RIP } from './registers.js';

function run(): void {
  const frames = new PlainFrames();
  const platform = PLATFORMS[process.argv[3] ?? 'ptrace']!(frames);
  const code = frames.allocate(1);
  frameBytes(frames, code, 4096).set(new Assembler().label('loop').jmp('loop').assemble());
  const guest = unwrap(platform.createSpace());
  guest.space.map(CODE, 4096, 5, code);
  guest.regs.set(RIP, CODE);
  parentPort?.postMessage(platform.doorbell);
  unwrap(guest.space.fork(guest));
  guest.resume();
  platform.wait(0);
  const tasks = readFileSync('/proc/thread-self/children', 'latin1').trim().split(' ').map(Number);
  writeSync(1, JSON.stringify(tasks));
  for (;;) platform.wait(Infinity);
}

if (isMainThread && process.argv[2] === 'worker') {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2) });
  let doorbell: DoorbellHandle | undefined;
  worker.once('message', (handle: DoorbellHandle) => (doorbell = handle));
  process.on('SIGUSR2', () => {
    void worker.terminate(); // takes effect when the kernel thread comes back from its sleep
    ringDoorbell(doorbell!);
  });
  setInterval(() => {}, 1000);
} else {
  run();
}

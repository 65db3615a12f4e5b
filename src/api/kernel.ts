/**
 * The kernel's thread. Its first message brings the options; then it boots and runs the machine, synchronously, and never comes
 * back to its event loop until the machine has stopped.
 */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { runMachine } from '../kernel/run-loop.js';
import { bootMachine } from './boot.js';
import type { GuestContext } from './guest-process.js';
import { KernelServer } from './kernel-server.js';
import type { MachineOptions } from './machine-options.js';
import { Tracing } from './tracing.js';
import { SHARED_DOORBELL, SHARED_STOP, STOP_ASKED, type FromKernel, type KernelPort, type ToKernel } from './protocol.js';

const shared = workerData as Int32Array;
/** How long main may need from asking for the end to ringing for it: it does nothing between. */
const LAST_RING_MS = 1000;

/** To be called once, on a worker thread. */
export function runKernelThread(): void {
  const port = parentPort;
  if (!port) throw new Error('the kernel runs on a worker thread: use Sandbox.create');
  port.once('message', (message: ToKernel) => {
    if (message.type === 'boot') start(port, message.options);
    else port.close();
  });
}

function start(port: MessagePort, options: MachineOptions): void {
  let tracing: Tracing | undefined;
  const kernelPort: KernelPort = {
    post: (message: FromKernel, transfer: readonly ArrayBuffer[] = []) => {
      // Lines of a trace come before what the traced calls led to.
      if (message.type !== 'trace') tracing?.flush();
      port.postMessage(message, transfer);
    },
  };
  let booted: ReturnType<typeof bootMachine>;
  try {
    booted = bootMachine(options, kernelPort);
  } catch (error) {
    booted = { kind: 'bug', message: describe(error) };
  }
  if ('kind' in booted) {
    kernelPort.post({ type: 'boot-failed', failure: booted });
    port.close();
    return;
  }
  tracing = new Tracing(booted.machine, options, (text) => kernelPort.post({ type: 'trace', text }));
  run(port, booted, tracing);
}

function run(port: MessagePort, context: GuestContext, tracing: Tracing): void {
  const { machine } = context;
  const server = new KernelServer(context, () => tracing.statistics());
  const drain = (): void => {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) server.handle(next.message as ToKernel);
    if (Atomics.load(shared, SHARED_STOP) !== 0) machine.stop();
  };
  Atomics.store(shared, SHARED_DOORBELL, machine.platform.doorbell.fd + 1);
  context.port.post({ type: 'ready', platform: machine.platform.name });
  try {
    drain();
    runMachine(machine, {
      onDoorbell: drain,
      onBug: (error, task) => context.port.post({ type: 'bug', pid: task.group.pid, name: task.name, message: describe(error) }),
    });
  } catch (error) {
    context.port.post({ type: 'bug', pid: 0, name: 'kernel', message: describe(error) });
  }
  stop(port, context);
}

/** Main closes the doorbell's life: until it has rung for `shutdown` the descriptor must stay. */
function stop(port: MessagePort, context: GuestContext): void {
  const finish = (): void => {
    Atomics.wait(shared, SHARED_STOP, STOP_ASKED, LAST_RING_MS);
    context.machine.platform.shutdown();
    port.close();
  };
  context.port.post({ type: 'stopped' });
  if (Atomics.load(shared, SHARED_STOP) !== 0) finish();
  else port.on('message', (message: ToKernel) => message.type === 'shutdown' && finish());
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

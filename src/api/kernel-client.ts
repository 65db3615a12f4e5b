/**
 * Main's half of the conversation with a kernel thread: starts the worker, sends messages and rings, and hands what comes back
 * to the process or request that it belongs to. Sandbox and the command line are built on it; both share this file's rule of
 * life: the worker keeps the program alive while a guest process runs or a request is unanswered, and not otherwise.
 */
import { existsSync, stat, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { FileOperation, FileResult } from './file-protocol.js';
import type { MachineOptions } from './machine-options.js';
import { SHARED_DOORBELL, SHARED_STOP, STOP_ASKED, STOP_RUNG } from './protocol.js';
import type {
  BootFailure,
  FromKernel,
  KillTarget,
  MachineStatistics,
  SpawnFailure,
  SpawnRequest,
  TerminalSize,
  ToKernel,
  Usage,
} from './protocol.js';

/** What a process reports; all optional calls come on main's event loop. */
export interface ProcessListener {
  started(pid: number): void;
  failed(failure: SpawnFailure): void;
  /** The listener calls `consumed` when it has done with the bytes. */
  output(fd: 1 | 2, bytes: Uint8Array): void;
  outputEnd(fd: 1 | 2): void;
  stdinWanted(): void;
  stdinClosed(): void;
  exited(status: number, usage: Usage): void;
  /** The machine is gone; nothing else will come. */
  lost(): void;
}

export interface ClientListener {
  trace?(text: string): void;
  bug?(pid: number, name: string, message: string): void;
}

/** An answer that failed with a Linux error name. */
export class RequestFailed extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The word that is added to the doorbell's eventfd. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/** A kernel thread that loads its code and waits for the options. */
export interface KernelThread {
  readonly worker: Worker;
  /** SHARED_*; shared with the thread, because a program may exit at a time when no message can be exchanged. */
  readonly shared: Int32Array;
}

/** In the package the worker is a CommonJS file, which starts sooner; in a checkout's build folder it is a module. */
function workerFile(): URL {
  const bundle = new URL('./kernel-worker.cjs', import.meta.url);
  return existsSync(bundle) ? bundle : new URL('./kernel-worker.js', import.meta.url);
}

export function startWorker(): KernelThread {
  // Has Node start the threads of its pool now: when a guest has taken all that the host's user may have it would abort.
  stat('/', () => {});
  const shared = new Int32Array(new SharedArrayBuffer(8));
  return { worker: new Worker(workerFile(), { name: 'skas-kernel', workerData: shared }), shared };
}

export class KernelClient {
  private readonly worker: Worker;
  private readonly shared: Int32Array;
  private nextId = 1;
  private readonly processes = new Map<number, ProcessListener>();
  private readonly requests = new Map<number, Pending>();
  private state: 'booting' | 'up' | 'closing' | 'gone' = 'booting';
  private readonly bootDone: Promise<string>;
  private bootEnd!: { resolve(platform: string): void; reject(failure: BootError): void };
  private readonly goneDone: Promise<void>;
  private goneEnd!: () => void;

  constructor(
    thread: KernelThread,
    options: MachineOptions,
    private readonly listener: ClientListener = {},
  ) {
    const { worker } = thread;
    this.worker = worker;
    this.shared = thread.shared;
    this.bootDone = new Promise((resolve, reject) => (this.bootEnd = { resolve, reject }));
    this.goneDone = new Promise((resolve) => (this.goneEnd = resolve));
    // Whoever awaits `booted` sees a failure; nobody need.
    this.bootDone.catch(() => {});
    worker.on('message', (message: FromKernel) => this.receive(message));
    worker.on('error', (error) => this.fail(error));
    worker.on('exit', () => this.lose());
    openClients.add(this);
    this.send({ type: 'boot', options });
  }

  /** The platform's name once the machine runs; rejects with a BootError. */
  get booted(): Promise<string> {
    return this.bootDone;
  }

  get closed(): boolean {
    return this.state === 'closing' || this.state === 'gone';
  }

  /** Starts a process; every later call names it by the id returned. */
  spawn(request: SpawnRequest, listener: ProcessListener): number {
    const id = this.nextId++;
    if (this.closed) {
      listener.lost();
      return id;
    }
    this.processes.set(id, listener);
    this.send({ type: 'spawn', id, request });
    this.balance();
    return id;
  }

  /** Takes over the bytes' buffer when they fill it. */
  stdin(id: number, bytes: Uint8Array): void {
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
    this.send({ type: 'stdin', id, bytes: own }, own);
  }
  stdinEnd(id: number): void {
    this.send({ type: 'stdin-end', id });
  }
  consumed(id: number, fd: 1 | 2, bytes: number): void {
    this.send({ type: 'consumed', id, fd, bytes });
  }
  closeOutput(id: number, fd: 1 | 2): void {
    this.send({ type: 'close-output', id, fd });
  }
  kill(id: number, signal: number, target: KillTarget): void {
    this.send({ type: 'kill', id, signal, target });
  }
  resize(id: number, size: TerminalSize): void {
    this.send({ type: 'resize', id, size });
  }

  /** A file operation; rejects with RequestFailed. */
  file(operation: FileOperation): Promise<FileResult> {
    return this.request((request) => ({ type: 'file', request, operation })) as Promise<FileResult>;
  }
  statistics(): Promise<MachineStatistics> {
    return this.request((request) => ({ type: 'stats', request })) as Promise<MachineStatistics>;
  }

  /** Kills every guest and ends the thread; resolves when it is gone. */
  close(): Promise<void> {
    this.shutdown();
    return this.goneDone;
  }

  /** As close, without waiting: also when the program is about to exit and no event will come any more. */
  shutdown(): void {
    if (this.closed) return;
    Atomics.store(this.shared, SHARED_STOP, STOP_ASKED);
    this.send({ type: 'shutdown' });
    Atomics.store(this.shared, SHARED_STOP, STOP_RUNG);
    Atomics.notify(this.shared, SHARED_STOP);
    this.state = 'closing';
    this.worker.ref();
  }

  private request(make: (request: number) => ToKernel): Promise<unknown> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new RequestFailed('ESHUTDOWN'));
        return;
      }
      this.requests.set(id, { resolve, reject });
      this.send(make(id));
      this.balance();
    });
  }

  /** After shutdown nothing is sent: the doorbell's descriptor may belong to somebody else by then. */
  private send(message: ToKernel, transfer?: Uint8Array): void {
    if (this.closed) return;
    this.worker.postMessage(message, transfer ? [transfer.buffer as ArrayBuffer] : []);
    const doorbell = Atomics.load(this.shared, SHARED_DOORBELL);
    if (doorbell !== 0) writeSync(doorbell - 1, ONE);
  }

  private receive(message: FromKernel): void {
    switch (message.type) {
      case 'ready':
        if (this.state === 'booting') this.state = 'up';
        this.bootEnd.resolve(message.platform);
        this.balance();
        return;
      case 'boot-failed':
        this.bootEnd.reject(new BootError(message.failure));
        return;
      case 'file-done':
        this.settle(message.request)?.resolve(message.result);
        return;
      case 'file-failed':
        this.settle(message.request)?.reject(new RequestFailed(message.code));
        return;
      case 'stats-done':
        this.settle(message.request)?.resolve(message.statistics);
        return;
      case 'trace':
        this.listener.trace?.(message.text);
        return;
      case 'bug':
        this.listener.bug?.(message.pid, message.name, message.message);
        return;
      case 'stopped':
        this.shutdown();
        return;
      default:
        this.receiveForProcess(message);
    }
  }

  private receiveForProcess(message: Extract<FromKernel, { id: number }>): void {
    const listener = this.processes.get(message.id);
    if (!listener) return;
    switch (message.type) {
      case 'started':
        listener.started(message.pid);
        return;
      case 'spawn-failed':
        this.processes.delete(message.id);
        this.balance();
        listener.failed(message.failure);
        return;
      case 'stdin-wanted':
        listener.stdinWanted();
        return;
      case 'stdin-closed':
        listener.stdinClosed();
        return;
      case 'output':
        listener.output(message.fd, message.bytes);
        return;
      case 'output-end':
        listener.outputEnd(message.fd);
        return;
      case 'exited':
        listener.exited(message.status, message.usage);
        return;
    }
  }

  /** The process has ended and its streams are done with: it no longer keeps the program alive. */
  forget(id: number): void {
    if (!this.processes.delete(id)) return;
    this.send({ type: 'forget', id });
    this.balance();
  }

  private settle(request: number): Pending | undefined {
    const pending = this.requests.get(request);
    this.requests.delete(request);
    this.balance();
    return pending;
  }

  private balance(): void {
    const busy = this.state === 'booting' || this.state === 'closing' || this.processes.size > 0 || this.requests.size > 0;
    if (busy) this.worker.ref();
    else this.worker.unref();
  }

  private fail(error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (this.state === 'booting') this.bootEnd.reject(new BootError({ kind: 'bug', message }));
    else this.listener.bug?.(0, 'kernel', message);
  }

  private lose(): void {
    this.state = 'gone';
    openClients.delete(this);
    this.bootEnd.reject(new BootError({ kind: 'bug', message: 'the kernel thread ended while it started' }));
    for (const pending of this.requests.values()) pending.reject(new RequestFailed('ESHUTDOWN'));
    this.requests.clear();
    for (const listener of this.processes.values()) listener.lost();
    this.processes.clear();
    this.goneEnd();
  }
}

export class BootError extends Error {
  constructor(readonly failure: BootFailure) {
    super(failure.message);
  }
}

/**
 * A kernel thread sleeps in a host call, from which Node cannot take it when the program exits: it must be told. Machines that
 * are open, of all sandboxes of this program; the one thing that they share.
 */
const openClients = new Set<KernelClient>();
process.on('exit', () => {
  for (const client of openClients) client.shutdown();
});

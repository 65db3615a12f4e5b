/** The kernel's half of the conversation with main: serves what main asks, whenever the doorbell has rung. */
import { isErr } from '../base/brands.js';
import { ERRNO_NAMES } from '../abi/errno.js';
import type { ThreadGroup } from '../kernel/thread-group.js';
import { serveFile } from './file-server.js';
import { GuestProcess, type GuestContext } from './guest-process.js';
import type { FileOperation } from './file-protocol.js';
import type { MachineStatistics, ToKernel } from './protocol.js';

export class KernelServer {
  private readonly processes = new Map<number, GuestProcess>();
  private readonly byGroup = new Map<ThreadGroup, GuestProcess>();

  constructor(
    private readonly context: GuestContext,
    private readonly statistics: () => MachineStatistics,
  ) {
    context.machine.onExit = (group) => this.exited(group);
  }

  handle(message: ToKernel): void {
    switch (message.type) {
      case 'boot':
        return;
      case 'spawn':
        this.spawn(message);
        return;
      case 'stdin':
        this.processes.get(message.id)?.stdin(message.bytes);
        return;
      case 'stdin-end':
        this.processes.get(message.id)?.stdinEnd();
        return;
      case 'consumed':
        this.processes.get(message.id)?.consumed(message.fd, message.bytes);
        return;
      case 'close-output':
        this.processes.get(message.id)?.closeOutput(message.fd);
        return;
      case 'kill':
        this.processes.get(message.id)?.kill(message.signal, message.target);
        return;
      case 'resize':
        this.processes.get(message.id)?.resize(message.size);
        return;
      case 'forget':
        this.processes.delete(message.id);
        return;
      case 'file':
        this.file(message.request, message.operation);
        return;
      case 'stats':
        this.context.port.post({ type: 'stats-done', request: message.request, statistics: this.statistics() });
        return;
      case 'shutdown':
        this.context.machine.stop();
        return;
    }
  }

  private spawn({ id, request }: Extract<ToKernel, { type: 'spawn' }>): void {
    const { port } = this.context;
    const process = GuestProcess.start(this.context, id, request);
    if (!(process instanceof GuestProcess)) {
      port.post({ type: 'spawn-failed', id, failure: process });
      return;
    }
    this.processes.set(id, process);
    this.byGroup.set(process.threadGroup, process);
    port.post({ type: 'started', id, pid: process.pid });
  }

  private exited(group: ThreadGroup): void {
    const process = this.byGroup.get(group);
    if (!process) return;
    this.byGroup.delete(group);
    process.exited();
  }

  private file(request: number, operation: FileOperation): void {
    const { port, tree } = this.context;
    const result = serveFile(tree, operation);
    if (isErr(result)) {
      port.post({ type: 'file-failed', request, code: ERRNO_NAMES[-result] ?? String(-result) });
      return;
    }
    const transfer = result instanceof Uint8Array && result.length > 0 ? [result.buffer as ArrayBuffer] : [];
    port.post({ type: 'file-done', request, result }, transfer);
  }
}

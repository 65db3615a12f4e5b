/** What watches a machine's system calls: --strace's lines on their way to main, and the counters of --stats. */
import type { Machine } from '../kernel/machine.js';
import { Timer } from '../kernel/timers.js';
import { combineTracers } from '../trace/combine.js';
import { CountingTracer } from '../trace/counters.js';
import { StraceTracer } from '../trace/strace.js';
import type { Tracer } from '../kernel/tracer.js';
import type { MachineOptions } from './machine-options.js';
import type { MachineStatistics } from './protocol.js';

/** Lines are sent together: when this much has come, or so long after the first. */
const BATCH_CHARS = 16384;
const BATCH_NS = 1_000_000;

/** Gathers text and sends it in pieces. */
class TextBatch {
  private text = '';
  private readonly timer: Timer;

  constructor(
    private readonly machine: Machine,
    private readonly send: (text: string) => void,
  ) {
    this.timer = new Timer(() => this.flush());
  }

  add(text: string): void {
    this.text += text;
    if (this.text.length >= BATCH_CHARS) this.flush();
    else if (!this.timer.armed) this.machine.timers.arm(this.timer, this.machine.clock.monotonicNs() + BATCH_NS);
  }

  flush(): void {
    this.machine.timers.cancel(this.timer);
    if (this.text === '') return;
    const { text } = this;
    this.text = '';
    this.send(text);
  }
}

export class Tracing {
  private readonly batch: TextBatch;
  private readonly counting: CountingTracer | undefined;

  /** Hooks into the machine what `options` ask for. */
  constructor(
    private readonly machine: Machine,
    options: MachineOptions,
    send: (text: string) => void,
  ) {
    this.batch = new TextBatch(machine, send);
    const tracers: Tracer[] = [];
    if (options.trace) tracers.push(new StraceTracer((text) => this.batch.add(text), options.trace.calls));
    this.counting = options.stats ? new CountingTracer(() => machine.clock.monotonicNs()) : undefined;
    if (this.counting) tracers.push(this.counting);
    machine.tracer = combineTracers(tracers);
  }

  /** Sends what has been gathered, so that it comes before what is sent next. */
  flush(): void {
    this.batch.flush();
  }

  statistics(): MachineStatistics {
    const { counting, machine } = this;
    const { physmem, platform } = machine;
    platform.settle?.(); // frames of the last to end are not in use
    return {
      calls: Object.fromEntries(counting?.calls ?? []),
      signals: Object.fromEntries(counting?.signals ?? []),
      faultsResolved: counting?.faultsResolved ?? 0,
      faultsToSignals: counting?.faultsToSignals ?? 0,
      platform: platform.counters(),
      machine: { framesInUse: physmem.framesInUse, processes: machine.groups.size, threads: machine.tasks.size },
    };
  }
}

/** One line on the terminal that tells how far a long step is; nothing where standard error is no terminal, or the step is short. */
import { isatty } from 'node:tty';
import { writeSync } from 'node:fs';

const STDERR = 2;
/** A step that is done by then has shown nothing. */
const QUIET_MS = 300;
const INTERVAL_MS = 100;

export class ProgressLine {
  private readonly onTerminal = isatty(STDERR);
  private nextAt = performance.now() + QUIET_MS;
  private shown = false;

  /** `done` of `total` bytes. */
  show(what: string, done: number, total: number): void {
    if (!this.onTerminal || performance.now() < this.nextAt) return;
    this.nextAt = performance.now() + INTERVAL_MS;
    this.shown = true;
    const percent = total > 0 ? Math.min(100, Math.floor((done / total) * 100)) : 100;
    const name = what.replace(/[^\x20-\x7e]/g, '?').slice(0, 50);
    writeSync(STDERR, `\r\x1b[Kskas: ${name}: ${percent}% of ${Math.ceil(total / 2 ** 20)} MiB`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.shown) writeSync(STDERR, '\r\x1b[K');
    this.shown = false;
  }
}

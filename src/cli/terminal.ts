/** The host's terminal while a guest has it (-it): raw, its size passed on, and always given back as it was. */
import { isErr } from '../base/brands.js';
import { rawMode, setTerminalMode, terminalMode } from '../host/terminal-mode.js';
import type { TerminalSize } from '../api/protocol.js';
import { CliError } from './messages.js';

const STDIN = 0;

export class HostTerminal {
  private raw = false;
  private readonly restore = (): void => this.setRaw(false);

  private constructor(private readonly usualMode: Uint8Array) {}

  static open(): HostTerminal {
    const mode = terminalMode(STDIN);
    if (isErr(mode)) throw new CliError('-it: standard input is not a terminal: leave -it out');
    return new HostTerminal(mode);
  }

  /** Columns and rows; those of a VT100 when the terminal does not say. */
  get size(): TerminalSize {
    const { columns, rows } = process.stdout.isTTY ? process.stdout : process.stderr;
    return { cols: columns || 80, rows: rows || 24 };
  }

  /** Every key goes to the guest's terminal from now on, which makes signals and line editing of them. */
  begin(onResize: (size: TerminalSize) => void): void {
    this.setRaw(true);
    process.on('exit', this.restore);
    process.on('SIGWINCH', () => {
      // Node's own handler, registered before ours, has refreshed the numbers only if the stream is in use.
      (process.stdout as { _refreshSize?(): void })._refreshSize?.();
      onResize(this.size);
    });
  }

  end(): void {
    this.setRaw(false);
    process.removeListener('exit', this.restore);
  }

  private setRaw(on: boolean): void {
    if (this.raw === on) return;
    this.raw = on;
    setTerminalMode(STDIN, on ? rawMode(this.usualMode) : this.usualMode);
  }
}

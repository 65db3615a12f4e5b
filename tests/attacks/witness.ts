/** A process that answers whether its memory, registers, files and children are as they should be: tests/attacks/c/witness.c. */
import { readFileSync } from 'node:fs';
import type { SandboxProcess } from '../../src/api/process.js';
import type { Sandbox } from '../../src/api/sandbox.js';
import type { Attack } from './programs.js';

const PLACE = '/usr/local/bin/witness';

export class Witness {
  private said = '';
  private wakeReader = (): void => undefined;
  private readonly input: WritableStreamDefaultWriter<Uint8Array | string>;

  private constructor(process: SandboxProcess) {
    this.input = process.stdin.getWriter();
    void (async () => {
      for await (const { data } of process) {
        this.said += data;
        this.wakeReader();
      }
      this.said += 'ended\n';
      this.wakeReader();
    })();
  }

  static async start(sandbox: Sandbox, program: Attack): Promise<Witness> {
    await sandbox.fs.writeFile(PLACE, readFileSync(program.executable()));
    await sandbox.fs.chmod(PLACE, 0o755);
    return new Witness(await sandbox.spawn(PLACE, []));
  }

  /** 'whole', 'broken', 'ended', or 'silent' after `patienceMs`. */
  async ask(patienceMs: number): Promise<string> {
    await this.input.write('?\n');
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<string>((resolve) => (timer = setTimeout(resolve, patienceMs, 'silent\n')));
    while (!this.said.includes('\n')) {
      const answer = new Promise<string>((resolve) => (this.wakeReader = () => resolve('')));
      const more = await Promise.race([answer, silence]);
      this.said += more;
    }
    clearTimeout(timer);
    const end = this.said.indexOf('\n');
    const line = this.said.slice(0, end);
    this.said = this.said.slice(end + 1);
    return line;
  }
}

/** The programs of tests/attacks/c. A first line `// attack: native` marks one whose output must be the native one. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { TASK_SIZE } from '../../src/platform/platform.js';
import { STUB_CODE, STUB_DATA, STUB_REQUEST } from '../../src/platform/stub/layout.js';
import { listFiles, ROOT } from '../../tools/repository.js';
import { compile } from '../guest/programs.js';

const FOLDER = 'tests/attacks/c';
/** Where the stub lies, as the attacker knows. */
const LAYOUT = Object.entries({ STUB_REQUEST, STUB_CODE, STUB_DATA, GUEST_END: TASK_SIZE }).map(([name, at]) => `-D${name}=${at}ul`);

export interface Attack {
  readonly name: string;
  readonly isNative: boolean;
  /** Path of the executable, compiled when need be. */
  executable(): string;
}

export function attackPrograms(): Attack[] {
  return listFiles(FOLDER, '.c').map((source) => {
    const name = basename(source, '.c');
    const program = {
      name: `attack-${name}`,
      source,
      cflags: LAYOUT,
      timeoutMs: 0,
      headers: ['attack.h', 'jumps.h'].map((header) => join(FOLDER, header)),
    };
    const isNative = readFileSync(join(ROOT, source), 'utf8').startsWith('// attack: native');
    return { name, isNative, executable: () => compile(program, 'dynamic') };
  });
}

/**
 * Compiles the C programs of tests/guest/c, each static and dynamic, into the build folder; a compiled program is kept under a
 * name that hashes everything it was made from. A first line `// guest: key=value ...` in a program sets options:
 *   cflags=A,B  further compiler options      timeout=S   seconds for one run
 *   needs=root  only run by a root who may mount and make namespaces; needs=namespaces  only where users may make them
 *   kernel=6.10         not run on older hosts, whose answers would be others
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { listFiles, ROOT } from '../../tools/repository.js';

export interface GuestProgram {
  readonly name: string;
  readonly source: string;
  readonly cflags: readonly string[];
  readonly needs?: 'root' | 'namespaces' | undefined;
  readonly timeoutMs: number;
  /** Oldest host kernel that knows what it is about, as [major, minor]. */
  readonly kernel?: readonly [number, number];
  /** Files that it includes, besides t.h. */
  readonly headers?: readonly string[];
}

export type Linkage = 'static' | 'dynamic';
export const LINKAGES: readonly Linkage[] = ['dynamic', 'static'];

const FOLDER = 'tests/guest/c';
const DEFAULT_TIMEOUT_S = 60;

export function guestPrograms(): GuestProgram[] {
  return listFiles(FOLDER, '.c').map((source) => {
    const first = readFileSync(join(ROOT, source), 'utf8').split('\n', 1)[0]!;
    const words = first.startsWith('// guest:') ? first.slice('// guest:'.length).trim().split(/\s+/) : [];
    const options = new Map(words.map((word) => word.split(/=(.*)/, 2) as [string, string]));
    const kernel = options.get('kernel')?.split('.').map(Number);
    return {
      name: basename(source, '.c'),
      source,
      cflags: options.get('cflags')?.split(',') ?? [],
      needs: options.get('needs') as GuestProgram['needs'],
      timeoutMs: Number(options.get('timeout') ?? DEFAULT_TIMEOUT_S) * 1000,
      ...(kernel && { kernel: [kernel[0]!, kernel[1] ?? 0] as const }),
    };
  });
}

/** Path of the executable. Throws with the compiler's words when it does not compile. */
export function compile(program: GuestProgram, linkage: Linkage): string {
  const flags = ['-O1', '-g', '-w', '-pthread', ...(linkage === 'static' ? ['-static'] : []), ...program.cflags];
  const hash = createHash('sha256').update(flags.join(' '));
  for (const file of [program.source, join(FOLDER, 't.h'), ...(program.headers ?? [])]) hash.update(readFileSync(join(ROOT, file)));
  const folder = join(ROOT, 'build/guest-programs');
  const target = join(folder, `${program.name}-${linkage}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const temporary = `${target}.${process.pid}`;
  execFileSync('gcc', [...flags, '-o', temporary, join(ROOT, program.source)], { stdio: ['ignore', 'ignore', 'pipe'] });
  renameSync(temporary, target);
  return target;
}

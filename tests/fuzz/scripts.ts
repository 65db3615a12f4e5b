/** Scripts for the interpreter of system calls (interpreter.c): made from a seed, written as its input, told apart in its output. */

/** CALL A B C D, each 0 to 255. */
export type Line = readonly number[];
export type Script = readonly Line[];

const LINES = 40;
const NUMBERS_PER_LINE = 5;

/** Numbers from 0 to 255 that depend on the seed alone (mulberry32). */
function byteSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 8) & 255;
  };
}

export function makeScript(seed: number): Script {
  const next = byteSource(seed);
  return Array.from({ length: LINES }, () => Array.from({ length: NUMBERS_PER_LINE }, next));
}

export function formatScripts(scripts: readonly Script[]): string {
  return scripts.map((script) => `S ${script.length}\n${script.map((line) => line.join(' ')).join('\n')}\n`).join('');
}

/** The output by script: its lines, the last of which is `end STATUS`. */
export function splitOutput(output: string): string[][] {
  return output
    .split(/^S \d+\n/m)
    .slice(1)
    .map((part) => part.trimEnd().split('\n'));
}

/** Index of the first line at which two outputs differ; -1: they are alike. */
export function firstDifference(one: readonly string[], other: readonly string[]): number {
  for (let i = 0; i < Math.max(one.length, other.length); i++) if (one[i] !== other[i]) return i;
  return -1;
}

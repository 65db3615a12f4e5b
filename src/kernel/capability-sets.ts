/** Arithmetic on capability sets, which are numbers of 41 bits (vfs/credentials.ts). */
const HIGH = 4294967296;

function combine(a: number, b: number, of: (x: number, y: number) => number): number {
  return (of(a % HIGH, b % HIGH) >>> 0) + (of(Math.floor(a / HIGH), Math.floor(b / HIGH)) >>> 0) * HIGH;
}

export function intersection(a: number, b: number): number {
  return combine(a, b, (x, y) => x & y);
}

export function union(a: number, b: number): number {
  return combine(a, b, (x, y) => x | y);
}

export function difference(a: number, b: number): number {
  return combine(a, b, (x, y) => x & ~y);
}

export function isSubset(a: number, b: number): boolean {
  return difference(a, b) === 0;
}

export function hasBit(set: number, capability: number): boolean {
  return Math.floor(set / 2 ** capability) % 2 === 1;
}

/** Numbers to the names that strace prints: signals, errors, flags, values. */
import { ERRNO_NAMES } from '../abi/errno.js';
import * as signalNumbers from '../abi/signal.js';

const SIGRTMIN = 32;
/** Other names of the same numbers. */
const ALIASES = new Set(['SIGIOT', 'SIGPOLL', 'SIGUNUSED', 'SIGRTMIN', 'SIGSTKSZ']);

const SIGNAL_NAMES = new Map<number, string>(
  Object.entries(signalNumbers)
    .filter(([name]) => /^SIG[A-Z0-9]+$/.test(name) && !ALIASES.has(name))
    .map(([name, number]) => [number as unknown as number, name]),
);

export function signalName(signal: number): string {
  if (signal >= SIGRTMIN && signal <= 64) return signal === SIGRTMIN ? 'SIGRTMIN' : `SIGRT_${signal - SIGRTMIN}`;
  return SIGNAL_NAMES.get(signal) ?? String(signal);
}

/** 'ENOENT' of ENOENT; the bare number when nothing has that name. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES[-errno] ?? String(-errno);
}

type Names = Readonly<Record<string, number>>;

/** Names of the bits that are set, larger groups first, then the rest in hexadecimal. */
export function flagNames(names: Names, value: number): string {
  let rest = value >>> 0;
  const found: string[] = [];
  const byBits = Object.entries(names).sort((a, b) => bitCount(b[1]) - bitCount(a[1]));
  for (const [name, bits] of byBits) {
    const mask = bits >>> 0;
    if (mask === 0 || (rest & mask) >>> 0 !== mask) continue;
    found.push(name);
    rest = (rest & ~mask) >>> 0;
  }
  if (rest !== 0) found.push(`0x${rest.toString(16)}`);
  if (found.length > 0) return found.join('|');
  return byBits.find(([, bits]) => bits === 0)?.[0] ?? '0';
}

export function valueName(names: Names, value: number): string {
  return (
    Object.entries(names).find(([, number]) => number === value || number >>> 0 === value >>> 0)?.[0] ?? `0x${(value >>> 0).toString(16)}`
  );
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

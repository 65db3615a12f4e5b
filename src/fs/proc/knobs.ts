/** Settings of /proc/sys as data: what is read and, where root may write, what a write does (Linux: struct ctl_table). */
import { EINVAL } from '../../abi/errno.js';
import type { TextSink, TextSource } from './nodes.js';

export interface Knob {
  readonly read: TextSource;
  readonly write: TextSink;
}

export type Tree = { readonly [name: string]: Tree | TextSource | Knob };

/** A value that nobody can change. */
export function line(text: string | number): TextSource {
  return () => `${text}\n`;
}

/** A whole number between `min` and `max` (Linux: proc_dointvec_minmax); `set` may round it. */
export function numberKnob(get: () => number, set: (value: number) => void, min: number, max: number): Knob {
  return {
    read: () => `${get()}\n`,
    write: (text) => {
      const digits = /^\s*(-?\d{1,19})\s*$/.exec(text);
      if (!digits) return EINVAL;
      const value = Number(digits[1]);
      if (value < min || value > max) return EINVAL;
      set(value);
      return 0;
    },
  };
}

/** A number that is kept and shown, and has no effect here. */
export function kept(initial: number, min = 0, max = 2 ** 31 - 1): Knob {
  let current = initial;
  return numberKnob(
    () => current,
    (value) => (current = value),
    min,
    max,
  );
}

/** Text of at most `limit` bytes that is kept and shown. */
export function text(initial: string, limit: number): Knob {
  let current = initial;
  return {
    read: () => `${current}\n`,
    write: (given) => {
      current = given.replace(/\n.*$/s, '').slice(0, limit - 1);
      return 0;
    },
  };
}

/** Numbers that are kept, 0 at first. */
export function zeros(...names: string[]): Tree {
  return Object.fromEntries(names.map((name) => [name, kept(0)]));
}

/** Numbers with units as users write them: sizes (512M), durations (10s), counts. Each says by name what is wrong. */
import { CliError } from './messages.js';

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, '': 1, m: 60, h: 3600, d: 86400 };

/** Bytes: 1048576, 512M, 1.5g, 2GiB, 64kb. Units are powers of 1024. */
export function parseSize(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = match?.[2]?.toLowerCase().replace(/^([kmgt])i?b$/, '$1');
  const factor = unit === undefined ? undefined : SIZE_UNITS[unit];
  const value = match && factor !== undefined ? Math.floor(Number(match[1]) * factor) : 0;
  if (value <= 0 || !Number.isSafeInteger(value)) throw new CliError(`${option} ${text}: give a size such as 512M or 2G`);
  return value;
}

/** Seconds: 10, 10s, 1.5m, 2h, 500ms. */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const factor = match ? TIME_UNITS[match[2]!.toLowerCase()] : undefined;
  const value = match && factor !== undefined ? Number(match[1]) * factor : 0;
  if (!(value > 0) || value > 1e9) {
    const terminal = option === '-t' ? ' (for a terminal write -it)' : '';
    throw new CliError(`${option} ${text}: give a time such as 10s, 1.5m or 2h${terminal}`);
  }
  return value;
}

/** A whole number between `min` and `max`. */
export function parseCount(text: string, option: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new CliError(`${option} ${text}: give a whole number from ${min} to ${max}`);
  return value;
}

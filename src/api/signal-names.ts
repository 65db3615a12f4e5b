/** Signal numbers and names, as the host's kill -l has them (the guest is x86-64 Linux too). */
import { constants } from 'node:os';

const NUMBERS: Readonly<Record<string, number>> = constants.signals;

/** Name of a signal: 'SIGTERM'; 'SIGRTMIN+3' for real-time ones. */
export function signalName(signal: number): string {
  for (const [name, number] of Object.entries(NUMBERS)) if (number === signal && name !== 'SIGIOT' && name !== 'SIGIO') return name;
  return signal >= 34 && signal <= 64 ? `SIGRTMIN+${signal - 34}` : `SIG${signal}`;
}

/** Number of a signal given as a number or a name, with or without 'SIG'; undefined for none such. */
export function signalNumber(signal: string | number): number | undefined {
  if (typeof signal === 'number') return Number.isInteger(signal) && signal >= 0 && signal <= 64 ? signal : undefined;
  const name = signal.toUpperCase();
  const number = NUMBERS[name] ?? NUMBERS[`SIG${name}`];
  if (number !== undefined) return number;
  const realTime = /^(?:SIG)?RTMIN(?:\+(\d+))?$/.exec(name);
  if (!realTime) return undefined;
  const value = 34 + Number(realTime[1] ?? 0);
  return value <= 64 ? value : undefined;
}

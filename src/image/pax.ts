/** Records of a pax extended header (POSIX.1-2001, pax(1)): "LENGTH KEY=VALUE\n", as bytes; keys may repeat. */
import type { ByteString } from '../base/brands.js';
import { ArchiveError } from './archive-error.js';

export type PaxRecord = readonly [key: ByteString, value: ByteString];

export function parsePax(data: ByteString): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(' ', at);
    const digits = space < 0 ? '' : data.slice(at, space);
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = data.indexOf('=', space);
    if (length === 0 || end > data.length || data[end - 1] !== '\n' || equals < 0 || equals >= end) {
      throw new ArchiveError('is damaged (a pax header cannot be read)');
    }
    records.push([data.slice(space + 1, equals), data.slice(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** What the records say about one entry; `sparse` in the three ways that GNU tar has written it. */
export class PaxValues {
  private readonly values = new Map<ByteString, ByteString>();
  readonly xattrs = new Map<ByteString, ByteString>();
  /** GNU.sparse.offset and numbytes of format 0.0, in order. */
  readonly pairs: number[] = [];

  /** `lists`: later ones win; an empty value takes an earlier one back. */
  constructor(...lists: (readonly PaxRecord[])[]) {
    for (const records of lists) for (const [key, value] of records) this.add(key, value);
  }

  private add(key: ByteString, value: ByteString): void {
    if (key.startsWith('SCHILY.xattr.')) this.xattrs.set(key.slice('SCHILY.xattr.'.length), value);
    else if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') this.pairs.push(count(value));
    else if (value === '') this.values.delete(key);
    else this.values.set(key, value);
  }

  text(key: ByteString): ByteString | undefined {
    return this.values.get(key);
  }

  number(key: ByteString): number | undefined {
    const value = this.values.get(key);
    return value === undefined ? undefined : count(value);
  }

  /** Seconds with a fraction, which may be negative. */
  time(key: ByteString): { sec: number; nsec: number } | undefined {
    const value = this.values.get(key);
    const match = value === undefined ? undefined : /^(-?\d{1,15})(?:\.(\d+))?$/.exec(value);
    if (!match) return undefined;
    return { sec: Number(match[1]), nsec: Number((match[2] ?? '').padEnd(9, '0').slice(0, 9)) };
  }
}

/** A decimal number; -1 for what no file has. */
export function count(value: ByteString): number {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : -1;
  return Number.isSafeInteger(number) ? number : -1;
}

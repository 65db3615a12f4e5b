/** Writes tar archives for tests: as plain as can be, and as wrong as a test wants. */
import { gzipSync } from 'node:zlib';

export interface Member {
  name: string;
  type?: string;
  link?: string;
  data?: string | Uint8Array;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Size in the header, if not the data's. */
  size?: number;
  device?: [number, number];
  pax?: Readonly<Record<string, string>>;
}

/** The bytes of an archive; `end`: with its end mark. */
export function makeTar(members: readonly Member[], end = true): Buffer {
  const blocks = members.flatMap((member) => [...paxBlocks(member), header(member), ...padded(member.data ?? '')]);
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}

export function makeTarGz(members: readonly Member[]): Buffer {
  return gzipSync(makeTar(members), { level: 1 });
}

function padded(data: string | Uint8Array): Buffer[] {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data);
  return [bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}

function paxBlocks({ pax }: Member): Buffer[] {
  if (!pax) return [];
  const data = Object.entries(pax)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length++;
      return `${length}${rest}`;
    })
    .join('');
  return [header({ name: 'pax', type: 'x', data }), ...padded(data)];
}

function header({ name, type = '0', link = '', data = '', mode = 0o644, uid = 0, gid = 0, size, device = [0, 0] }: Member): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number): void =>
    void block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0, 100, 'latin1');
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(size ?? Buffer.byteLength(data, 'latin1'), 124, 12);
  octal(1_000_000_000, 136, 12);
  block.fill(0x20, 148, 156);
  block.write(type, 156, 'latin1');
  block.write(link, 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(device[0], 329, 8);
  octal(device[1], 337, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

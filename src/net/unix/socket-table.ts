/** /proc/net/unix (Linux: net/unix/af_unix.c, unix_seq_show): the sockets that some process has open. */
import type { ByteString } from '../../base/brands.js';
import { byteString } from '../../base/bytes.js';
import { SUN_PATH } from '../../abi/socket-struct.js';
import type { Machine } from '../../kernel/machine.js';
import type { NetNamespace } from '../../kernel/net-namespace.js';
import { UnixSocket } from './unix-socket.js';

const HEAD = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
const ACCEPTS = 0x10000;
const UNCONNECTED = 1;
const CONNECTED = 3;

export function unixTable(net: NetNamespace, machine: Machine): ByteString {
  const sockets = new Set<UnixSocket>();
  for (const task of machine.tasks.values()) {
    for (const [, file] of task.files.entries()) if (file instanceof UnixSocket && file.net === net) sockets.add(file);
  }
  return HEAD + [...sockets].map(row).join('');
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

function row(socket: UnixSocket): string {
  const state = socket.peer ? CONNECTED : UNCONNECTED;
  const flags = socket.isListening ? ACCEPTS : 0;
  const name = nameOf(socket);
  const numbers = `${hex(socket.references + 1, 8)} ${hex(0, 8)} ${hex(flags, 8)} ${hex(socket.type, 4)} ${hex(state, 2)}`;
  return `${hex(0, 16)}: ${numbers} ${String(socket.inode.ino).padStart(5)}${name === '' ? '' : ` ${name}`}\n`;
}

/** The path, or @ and the abstract name with its zero bytes as @ too. */
function nameOf({ address }: UnixSocket): ByteString {
  if (!address) return '';
  if (address.abstractName !== undefined) return `@${address.abstractName.replaceAll('\0', '@')}`;
  return byteString(address.bytes, SUN_PATH).replace(/\0.*$/s, '').replaceAll('\n', '?');
}

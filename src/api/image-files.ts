/**
 * Files that a container engine puts into a tree before anything runs: who this machine is. Only in memory: what the host shows
 * writable is not touched.
 */
import { isErr } from '../base/brands.js';
import { bytesOf, fromText } from '../base/bytes.js';
import { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } from '../abi/fcntl.js';
import { S_IFREG } from '../abi/stat.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { dropFile } from '../vfs/fd-table.js';
import type { GuestTree } from './guest-tree.js';

const HOSTS = '/etc/hosts';
const LOCALHOST = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';
/** Larger ones are left as they are. */
const MAX_HOSTS_BYTES = 65536;

/** An image has no names of its own: they were those of the machine that made it. */
export function fillImage(tree: GuestTree, hostname: string): void {
  if (sizeOf(tree, '/etc/hostname') === 0) put(tree, '/etc/hostname', `${hostname}\n`, O_CREAT | O_TRUNC);
}

/** The machine's own name leads to itself: sudo(8), java and others look it up. */
export function nameMachine(tree: GuestTree, hostname: string): void {
  const size = sizeOf(tree, HOSTS);
  if (size < 0 || size > MAX_HOSTS_BYTES) return;
  const text = size === 0 ? '' : tree.readText(HOSTS);
  const names = text.split('\n').flatMap((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(1));
  if (names.includes(hostname)) return;
  const before = size === 0 ? LOCALHOST : text.endsWith('\n') ? '' : '\n';
  put(tree, HOSTS, `${before}127.0.1.1\t${hostname}\n`, O_CREAT | O_APPEND);
}

/** 0: not there, though it could be; -1: not ours to change. */
function sizeOf(tree: GuestTree, path: string): number {
  const there = tree.find(path);
  const place = isErr(there) ? tree.find('/etc') : there;
  if (isErr(place) || place.mount.fs.type !== 'overlay') return -1;
  if (isErr(there)) return 0;
  const inode = there.dentry.inode!;
  return inode.type === S_IFREG ? inode.size : -1;
}

function put(tree: GuestTree, path: string, text: string, flags: number): void {
  const file = tree.open(path, flags | O_WRONLY, 0o644);
  if (isErr(file)) return;
  file.write(new KernelIoVec(bytesOf(fromText(text))), file.inode.size);
  dropFile(file);
}

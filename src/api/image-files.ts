/** Files that a container engine puts into an image's tree before anything runs: who this machine is. Only where it has none. */
import { isErr } from '../base/brands.js';
import { bytesOf, fromText } from '../base/bytes.js';
import { O_CREAT, O_TRUNC, O_WRONLY } from '../abi/fcntl.js';
import { KernelIoVec } from '../mm/io-vec.js';
import { dropFile } from '../vfs/fd-table.js';
import type { GuestTree } from './guest-tree.js';

export function fillImage(tree: GuestTree, hostname: string): void {
  const names = `localhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${hostname}\n`;
  const files: readonly (readonly [string, string])[] = [
    ['/etc/hostname', `${hostname}\n`],
    ['/etc/hosts', `127.0.0.1\t${names}`],
  ];
  for (const [path, text] of files) {
    const there = tree.find(path);
    const place = isErr(there) ? undefined : there.dentry.inode!;
    if (place && place.size > 0) continue;
    const file = tree.open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o644);
    // An image without /etc has no use for them.
    if (isErr(file)) continue;
    file.write(new KernelIoVec(bytesOf(fromText(text))), 0);
    dropFile(file);
  }
}

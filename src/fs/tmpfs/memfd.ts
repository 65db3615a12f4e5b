/** memfd_create(2): unnamed files of a tmpfs that no tree shows (Linux: mm/memfd.c). */
import type { Clock } from '../../base/clock.js';
import type { ByteString, Errno } from '../../base/brands.js';
import { isErr } from '../../base/brands.js';
import { F_SEAL_SEAL, O_LARGEFILE, O_RDWR } from '../../abi/fcntl.js';
import { S_IFREG } from '../../abi/stat.js';
import type { PhysMem } from '../../mm/phys-mem.js';
import { anonPath } from '../../vfs/anon-inode.js';
import type { OpenFile } from '../../vfs/open-file.js';
import { Tmpfs } from './tmpfs.js';
import type { TmpfsRegular } from './tmpfs-file.js';

/** One for each machine, named by its memory. */
const shared = new WeakMap<PhysMem, Tmpfs>();

/** A new open file; `sealable`: it has no seals and takes some, else F_SEAL_SEAL. */
export function createMemfd(
  physmem: PhysMem,
  clock: Clock,
  name: ByteString,
  sealable: boolean,
  mode: number,
  uid: number,
  gid: number,
): OpenFile | Errno {
  let fs = shared.get(physmem);
  if (!fs) {
    fs = new Tmpfs({ physmem, clock });
    shared.set(physmem, fs);
  }
  const inode = fs.root.tmpfile({ mode: S_IFREG | mode, uid, gid, rdev: 0 });
  if (isErr(inode)) return inode;
  const file = inode as TmpfsRegular;
  file.seals = sealable ? 0 : F_SEAL_SEAL;
  const opened = file.open(O_RDWR | O_LARGEFILE);
  opened.path = anonPath(file, `/memfd:${name} (deleted)`);
  return opened;
}

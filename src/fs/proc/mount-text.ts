/** Text of /proc/PID/{mounts,mountinfo,mountstats} (proc(5), fstab(5) escapes). */
import type { ByteString } from '../../base/brands.js';
import { listMounts } from '../../vfs/mount-list.js';
import type { Path } from '../../vfs/path.js';
import { majorOf, minorOf } from '../../vfs/special-files.js';

/** Blanks and backslashes as octal, as getmntent(3) expects. */
function octalEscaped(text: ByteString): ByteString {
  return text.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

export function mountsText(root: Path): ByteString {
  return listMounts(root)
    .map(({ mount, path, options, fsOptions }) => {
      const merged = (fsOptions.startsWith('ro') ? 'ro' : options.slice(0, 2)) + fsOptions.slice(2) + options.slice(2);
      return `${octalEscaped(mount.source)} ${octalEscaped(path)} ${mount.fs.type} ${merged} 0 0\n`;
    })
    .join('');
}

export function mountinfoText(root: Path): ByteString {
  return listMounts(root)
    .map(({ mount, parentId, path, rootPath, options, propagation, fsOptions }) => {
      const { device, type } = mount.fs;
      const number = `${majorOf(device)}:${minorOf(device)}`;
      const place = `${octalEscaped(rootPath)} ${octalEscaped(path)} ${options}`;
      const peers = propagation === '' ? '' : ` ${propagation}`;
      return `${mount.id} ${parentId} ${number} ${place}${peers} - ${type} ${octalEscaped(mount.source)} ${fsOptions}\n`;
    })
    .join('');
}

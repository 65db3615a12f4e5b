/** Finds a program as execvp(3) does: a name with a slash is a path, any other is looked for in PATH. */
import { isErr, type Errno } from '../base/brands.js';
import { fromText } from '../base/bytes.js';
import { EACCES, ENOENT } from '../abi/errno.js';
import { S_IFREG } from '../abi/stat.js';
import type { Credentials } from '../vfs/credentials.js';
import type { FsContext } from '../vfs/fs-context.js';
import { LOOKUP_FOLLOW, walk } from '../vfs/path-walk.js';
import { inodePermission, MAY_EXEC } from '../vfs/permissions.js';
import { DEFAULT_PATH } from './environment.js';

/** The program's path, ENOENT, or EACCES when only files that cannot be executed were found. */
export function findProgram(fs: FsContext, cred: Credentials, name: string, searchPath: string | undefined): string | Errno {
  if (name.includes('/')) return name;
  if (name === '') return ENOENT;
  let failure: Errno = ENOENT;
  for (const directory of (searchPath ?? DEFAULT_PATH).split(':')) {
    const candidate = directory === '' ? `./${name}` : `${directory}/${name}`;
    const place = walk(fs, cred, fs.cwd, fromText(candidate), LOOKUP_FOLLOW);
    if (isErr(place)) {
      if (place === EACCES) failure = EACCES;
      continue;
    }
    const inode = place.dentry.inode!;
    if (inode.type === S_IFREG && inodePermission(inode, cred, MAY_EXEC) === 0) return candidate;
    if (inode.type === S_IFREG) failure = EACCES;
  }
  return failure;
}

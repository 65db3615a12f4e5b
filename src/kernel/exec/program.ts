/**
 * Finding and checking a program, with nothing of the caller changed yet (Linux: fs/exec.c, bprm_execve; binfmt_script,
 * binfmt_elf). Errors come in the order that execve(2) has them: path, type and permission, format, interpreter, arguments.
 */
import { isErr, type ByteString, type Errno } from '../../base/brands.js';
import { byteString } from '../../base/bytes.js';
import { MS_NOEXEC } from '../../abi/mount.js';
import { EACCES, EISDIR, ELIBBAD, ELOOP, ENOENT, ENOEXEC, EPERM, ETXTBSY } from '../../abi/errno.js';
import { AT_FDCWD } from '../../abi/fcntl.js';
import { LANDLOCK_ACCESS_FS_EXECUTE, LANDLOCK_ACCESS_FS_READ_FILE } from '../../abi/landlock.js';
import { S_IFREG } from '../../abi/stat.js';
import type { MappedFile } from '../../mm/address-space.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import type { PageCache } from '../../mm/page-cache.js';
import type { Credentials } from '../../vfs/credentials.js';
import type { FsContext } from '../../vfs/fs-context.js';
import { landlockCheck } from '../../vfs/landlock.js';
import { dropPath, holdPath, pathString, type Path } from '../../vfs/path.js';
import { LOOKUP_EMPTY, LOOKUP_FOLLOW, walk } from '../../vfs/path-walk.js';
import { inodePermission, MAY_EXEC } from '../../vfs/permissions.js';
import type { ResourceLimits } from '../resource-limits.js';
import { checkArguments } from './arguments.js';
import { readElf, type ElfFile } from './elf.js';
import { credentialsAfterExec } from './exec-credentials.js';
import { isScript, parseScript, SCRIPT_HEAD_BYTES } from './script.js';

const MAX_SCRIPT_DEPTH = 5;
/** A program is read, too. */
const EXECUTING = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;

/** Who executes, and from where paths are looked up. */
export interface ProgramContext {
  readonly fs: FsContext;
  readonly cred: Credentials;
  readonly limits: ResourceLimits;
  readonly noNewPrivs: boolean;
}

export interface ProgramRequest {
  readonly base: Path;
  readonly name: ByteString;
  /** Reads arguments and environment: once the file is found to be executable, before its format is looked at. */
  readonly readStrings: () => ProgramStrings | Errno;
  /** execveat's descriptor, for the name that a script sees; AT_FDCWD otherwise. */
  readonly directoryFd?: number;
  readonly emptyPath?: boolean;
  readonly noFollow?: boolean;
}

export interface ProgramStrings {
  readonly argv: readonly ByteString[];
  readonly envp: readonly ByteString[];
}

export interface ProgramFile {
  readonly elf: ElfFile;
  readonly file: MappedFile;
}

/** A program that can be loaded. `close` gives its files back; mappings hold references of their own. */
export interface Program extends ProgramFile {
  readonly interpreter: ProgramFile | undefined;
  readonly argv: readonly ByteString[];
  readonly envp: readonly ByteString[];
  readonly fileName: ByteString;
  /** comm: last component of the name, 15 bytes. */
  readonly name: ByteString;
  readonly path: Path;
  readonly cred: Credentials;
  readonly secure: boolean;
  close(): void;
}

interface Executable {
  readonly path: Path;
  readonly cache: PageCache;
  readonly file: MappedFile;
}

export function prepareProgram(context: ProgramContext, request: ProgramRequest): Program | Errno {
  let { name, base } = request;
  let strings: ProgramStrings | undefined;
  let flags = (request.noFollow ? 0 : LOOKUP_FOLLOW) + (request.emptyPath ? LOOKUP_EMPTY : 0);
  let fileName = nameForScripts(request);
  const firstName = fileName;
  for (let depth = 0; ; depth++) {
    if (depth > MAX_SCRIPT_DEPTH) return ELOOP;
    const executable = openExecutable(context, base, name, flags);
    if (isErr(executable)) return executable;
    strings ??= readChecked(request, firstName, context.limits) as ProgramStrings;
    if (isErr(strings)) return strings;
    const head = readHead(executable.cache);
    if (isErr(head)) return head;
    if (!isScript(head)) return finish(context, executable, strings, firstName);
    const script = parseScript(head);
    if (isErr(script)) return script;
    const argument = script.argument === undefined ? [] : [script.argument];
    strings = { argv: [script.interpreter, ...argument, fileName, ...strings.argv.slice(1)], envp: strings.envp };
    name = fileName = script.interpreter;
    base = context.fs.cwd;
    flags = LOOKUP_FOLLOW;
  }
}

function readChecked(request: ProgramRequest, fileName: ByteString, limits: ResourceLimits): ProgramStrings | Errno {
  const strings = request.readStrings();
  if (isErr(strings)) return strings;
  const argv = strings.argv.length > 0 ? strings.argv : [''];
  const fits = checkArguments(argv, strings.envp, fileName, limits);
  return isErr(fits) ? fits : { argv, envp: strings.envp };
}

/** The name by which an interpreter can open the file: execveat on a descriptor gives /dev/fd/N. */
function nameForScripts({ name, directoryFd = AT_FDCWD }: ProgramRequest): ByteString {
  if (directoryFd === AT_FDCWD || name.startsWith('/')) return name;
  return name === '' ? `/dev/fd/${directoryFd}` : `/dev/fd/${directoryFd}/${name}`;
}

function openExecutable(context: ProgramContext, base: Path, name: ByteString, flags: number): Executable | Errno {
  const path = walk(context.fs, context.cred, base, name, flags);
  if (isErr(path)) return path;
  const { inode } = path.dentry;
  if (!inode) return ENOENT;
  if (inode.isSymlink) return ELOOP;
  if (inode.type !== S_IFREG) return EACCES;
  if ((path.mount.flags & MS_NOEXEC) !== 0) return EACCES;
  const denied = inodePermission(inode, context.cred, MAY_EXEC);
  if (isErr(denied)) return denied;
  if (context.cred.landlock !== undefined && landlockCheck(context.cred, path, EXECUTING) !== 0) return EACCES;
  if (inode.writers > 0) return ETXTBSY;
  const mappable = inode.mappable();
  if (isErr(mappable)) return mappable === EISDIR ? EACCES : mappable;
  return { path, cache: mappable.cache, file: executableMapping(path, mappable, context.fs.root) };
}

/** The file as mm holds it: by its path, so that the name stays valid while it is mapped. */
function executableMapping(path: Path, mappable: MappedFile['mappable'], root: Path): MappedFile {
  const inode = path.dentry.inode!;
  return {
    mappable,
    hold: () => holdPath(path),
    drop: () => dropPath(path),
    describe: () => ({ device: inode.fs.device, ino: inode.ino, path: pathString(path, root) }),
  };
}

function readHead(cache: PageCache): ByteString | Errno {
  const bytes = new Uint8Array(SCRIPT_HEAD_BYTES);
  const count = cache.read(new KernelIoVec(bytes), 0);
  return isErr(count) ? count : byteString(bytes, 0, count);
}

function finish(context: ProgramContext, executable: Executable, { argv, envp }: ProgramStrings, firstName: ByteString): Program | Errno {
  const elf = readElf(executable.cache);
  if (isErr(elf)) return elf;
  const interpreter = elf.interpreter === undefined ? undefined : openInterpreter(context, elf.interpreter);
  if (isErr(interpreter)) return interpreter;
  const fits = checkArguments(argv, envp, firstName, context.limits);
  if (isErr(fits)) return fits;
  const { path, file } = executable;
  const identity = credentialsAfterExec(context.cred, path, context.noNewPrivs);
  if (!identity) return EPERM;
  file.hold();
  interpreter?.file.hold();
  return {
    elf,
    file,
    interpreter,
    argv,
    envp,
    fileName: firstName,
    name: firstName.slice(firstName.lastIndexOf('/') + 1, firstName.lastIndexOf('/') + 16),
    path,
    cred: identity.cred,
    secure: identity.secure,
    close: () => {
      file.drop();
      interpreter?.file.drop();
    },
  };
}

/** The dynamic linker named by PT_INTERP. */
function openInterpreter(context: ProgramContext, name: ByteString): ProgramFile | Errno {
  const executable = openExecutable(context, context.fs.cwd, name, LOOKUP_FOLLOW);
  if (isErr(executable)) return executable;
  const elf = readElf(executable.cache);
  if (isErr(elf)) return elf === ENOEXEC ? ELIBBAD : elf;
  return { elf, file: executable.file };
}

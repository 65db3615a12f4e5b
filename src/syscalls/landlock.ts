/** landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2): ABI 6, as Linux 6.12 has it. */
import { isErr, type Errno, type GuestAddr } from '../base/brands.js';
import { CAP_SYS_ADMIN } from '../abi/capability.js';
import { E2BIG, EBADF, EBADFD, EFAULT, EINVAL, ENOMEM, ENOMSG, EPERM } from '../abi/errno.js';
import { O_RDWR } from '../abi/fcntl.js';
import * as abi from '../abi/landlock.js';
import { address, fd, flags, oneOf, size, syscall } from '../kernel/syscall.js';
import { anyFileOf, installFile } from '../kernel/task-files.js';
import type { Task } from '../kernel/task.js';
import { anonInode } from '../vfs/anon-inode.js';
import { hasOwnCapability } from '../vfs/credentials.js';
import { areRulesExhausted, FILE_ACCESS, LandlockLayer, MAX_LAYERS } from '../vfs/landlock.js';
import { RulesetFile } from '../vfs/landlock-ruleset.js';

const ABI_VERSION = 6;
/** What a ruleset must at least say: its first member. */
const SMALLEST = 8;
const LARGEST = 4096;
const MAX_PORT = 65535;

/** The attributes, zeros where an older program says nothing; what a newer one says more must be zeros. */
function readAttributes(task: Task, at: GuestAddr, length: number): { fs: number; net: number; scoped: number } | Errno {
  if (at === 0) return EFAULT;
  if (length < SMALLEST) return EINVAL;
  if (length > LARGEST) return E2BIG;
  const bytes = new Uint8Array(Math.max(length, abi.LANDLOCK_RULESET_ATTR.size));
  if (isErr(task.mm.copyIn(at, bytes, 0, length))) return EFAULT;
  if (bytes.subarray(abi.LANDLOCK_RULESET_ATTR.size).some((byte) => byte !== 0)) return E2BIG;
  const given = abi.LANDLOCK_RULESET_ATTR.read(new DataView(bytes.buffer), 0);
  return { fs: given.handled_access_fs, net: given.handled_access_net, scoped: given.scoped };
}

export const landlockCreateRuleset = syscall(
  'landlock_create_ruleset',
  [address, size, flags({ LANDLOCK_CREATE_RULESET_VERSION: abi.LANDLOCK_CREATE_RULESET_VERSION })],
  (task, at, length, options) => {
    if (options !== 0) return options === abi.LANDLOCK_CREATE_RULESET_VERSION && at === 0 && length === 0 ? ABI_VERSION : EINVAL;
    const given = readAttributes(task, at, length);
    if (isErr(given)) return given;
    const { fs, net, scoped } = given as { fs: number; net: number; scoped: number };
    if (fs > abi.LANDLOCK_MASK_ACCESS_FS || net > abi.LANDLOCK_MASK_ACCESS_NET || scoped > abi.LANDLOCK_MASK_SCOPE) return EINVAL;
    if (fs === 0 && net === 0 && scoped === 0) return ENOMSG;
    return installFile(task, new RulesetFile(anonInode('anon_inode:[landlock-ruleset]'), O_RDWR, fs, net, scoped), true);
  },
);

function rulesetOf(task: Task, number: number): RulesetFile | Errno {
  const file = anyFileOf(task, number);
  if (isErr(file)) return EBADF;
  return file instanceof RulesetFile ? file : EBADFD;
}

export const landlockAddRule = syscall(
  'landlock_add_rule',
  [
    fd,
    oneOf({ LANDLOCK_RULE_PATH_BENEATH: abi.LANDLOCK_RULE_PATH_BENEATH, LANDLOCK_RULE_NET_PORT: abi.LANDLOCK_RULE_NET_PORT }),
    address,
    flags({}),
  ],
  (task, number, type, at, options) => {
    if (options !== 0) return EINVAL;
    const ruleset = rulesetOf(task, number);
    if (isErr(ruleset)) return ruleset;
    if (type === abi.LANDLOCK_RULE_PATH_BENEATH) return addPath(task, ruleset, at);
    return type === abi.LANDLOCK_RULE_NET_PORT ? addPort(task, ruleset, at) : EINVAL;
  },
);

function addPath(task: Task, ruleset: RulesetFile, at: GuestAddr): 0 | Errno {
  const bytes = new Uint8Array(abi.LANDLOCK_PATH_BENEATH_ATTR.size);
  if (isErr(task.mm.copyIn(at, bytes, 0, abi.LANDLOCK_PATH_BENEATH_ATTR_SIZE))) return EFAULT;
  const { allowed_access: allowed, parent_fd: parent } = abi.LANDLOCK_PATH_BENEATH_ATTR.read(new DataView(bytes.buffer), 0);
  if (allowed === 0) return ENOMSG;
  if (allowed > abi.LANDLOCK_MASK_ACCESS_FS || (allowed & ~ruleset.handledFs) !== 0) return EINVAL;
  const file = anyFileOf(task, parent);
  if (isErr(file)) return EBADF;
  if (!file.path || file.path.mount.isInternal) return EBADFD;
  const inode = file.path.dentry.inode!;
  if (!inode.isDirectory && (allowed & ~FILE_ACCESS) !== 0) return EINVAL;
  return ruleset.grantFile(inode, allowed);
}

function addPort(task: Task, ruleset: RulesetFile, at: GuestAddr): 0 | Errno {
  const given = task.mm.readStruct(at, abi.LANDLOCK_NET_PORT_ATTR);
  if (isErr(given)) return given;
  const { allowed_access: allowed, port } = given;
  if (allowed === 0) return ENOMSG;
  if (allowed > abi.LANDLOCK_MASK_ACCESS_NET || (allowed & ~ruleset.handledNet) !== 0) return EINVAL;
  return port > MAX_PORT ? EINVAL : ruleset.grantPort(port, allowed);
}

export const landlockRestrictSelf = syscall('landlock_restrict_self', [fd, flags({})], (task, number, options) => {
  if (!task.noNewPrivs && !hasOwnCapability(task.cred, CAP_SYS_ADMIN)) return EPERM;
  if (options !== 0) return EINVAL;
  const ruleset = rulesetOf(task, number);
  if (isErr(ruleset)) return ruleset;
  const before = task.cred.landlock;
  if ((before?.depth ?? 0) >= MAX_LAYERS) return E2BIG;
  if (areRulesExhausted(ruleset.ruleCount)) return ENOMEM;
  task.cred = { ...task.cred, landlock: new LandlockLayer(before, ruleset.snapshot()) };
  before?.drop(); // the new layer holds it
  return 0;
});

/** How much argument and environment text execve takes (execve(2), "Limits on size of arguments and environment"). */
import type { ByteString, Errno } from '../../base/brands.js';
import { E2BIG } from '../../abi/errno.js';
import { RLIMIT_STACK } from '../../abi/resource.js';
import type { ResourceLimits } from '../resource-limits.js';
import { stackBytes } from './stack.js';

/** MAX_ARG_STRLEN: bytes of one string, with its NUL. */
export const MAX_ARGUMENT_BYTES = 131072;
/** Three quarters of the 8 MiB that Linux takes for _STK_LIM: no limit of the stack allows more. */
export const MAX_ARGUMENTS_BYTES = 6 << 20;
const ALWAYS_ALLOWED_BYTES = 131072;

/** E2BIG when arguments and environment exceed a quarter of the stack limit, or one string 128 KiB. */
export function checkArguments(
  argv: readonly ByteString[],
  envp: readonly ByteString[],
  fileName: ByteString,
  limits: ResourceLimits,
): 0 | Errno {
  const stack = limits.soft[RLIMIT_STACK]!;
  const allowed = Math.max(Math.min(stack / 4, MAX_ARGUMENTS_BYTES), ALWAYS_ALLOWED_BYTES);
  if (stackBytes(argv, envp, fileName) > allowed) return E2BIG;
  for (const text of argv) if (text.length >= MAX_ARGUMENT_BYTES) return E2BIG;
  for (const text of envp) if (text.length >= MAX_ARGUMENT_BYTES) return E2BIG;
  return 0;
}

/** sigaction(2) of this process: only what ptrace needs. */
import { isErr } from '../base/brands.js';
import { bind } from './libc.js';

const sigaction = bind('sigaction', 'int', ['int', 'void*', 'void*']);

const SIGCHLD = 17;
const SA_NOCLDSTOP = 1;

/** glibc's struct sigaction: handler, a mask of 128 bytes, flags, restorer. */
const action = new Uint8Array(152);
const view = new DataView(action.buffer);
const FLAGS = 136;

/**
 * Asks the host not to send SIGCHLD when a child stops. Once the application has used child_process, Node has a handler for it,
 * and every trap of a guest would wake the event loop; Node itself cares for children that end only. Without a handler
 * nothing changes. Returns true when the flag had to be set.
 */
export function ignoreChildStops(): boolean {
  if (isErr(sigaction(SIGCHLD, null, action))) return false;
  const handler = view.getBigUint64(0, true);
  const flags = view.getInt32(FLAGS, true);
  if (handler <= 1n || (flags & SA_NOCLDSTOP) !== 0) return false; // SIG_DFL, SIG_IGN
  view.setInt32(FLAGS, flags | SA_NOCLDSTOP, true);
  return !isErr(sigaction(SIGCHLD, action, null));
}

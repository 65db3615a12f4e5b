/** Sleeping on an epoll file (Linux: fs/eventpoll.c, ep_poll). */
import { sleepOn, type Blocking } from '../base/blocking.js';
import { isErr, type Errno } from '../base/brands.js';
import { EINTR, ETIMEDOUT } from '../abi/errno.js';
import { POLLIN, POLLRDNORM } from '../abi/poll.js';
import { dropFile } from '../vfs/fd-table.js';
import type { EpollFile } from './epoll.js';

/**
 * Sleeps until `deliver` gives something else than 0; 0 at the deadline, EINTR at a signal. Of several threads that wait, one
 * is woken for each event; one that is killed before it took the event passes the wake-up on.
 */
export function* waitForEpoll(epoll: EpollFile, deadlineNs: number, deliver: () => number | Errno): Blocking<number | Errno> {
  epoll.references++;
  let woken = false;
  try {
    for (;;) {
      woken = true;
      const reason = yield* sleepOn(epoll.queue, POLLIN | POLLRDNORM, { deadlineNs, exclusive: true });
      woken = false;
      const count = deliver();
      if (count !== 0) return count;
      if (isErr(reason)) return reason === ETIMEDOUT ? 0 : EINTR;
    }
  } finally {
    if (woken && epoll.poll() !== 0) epoll.queue.wake(POLLIN | POLLRDNORM);
    dropFile(epoll);
  }
}

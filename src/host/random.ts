/** getrandom(2), from a small pool: Node's own crypto takes longer to load than a small guest runs. */
import { EINTR } from '../abi/errno.js';
import { KernelBug } from '../base/assert.js';
import { isErr } from '../base/brands.js';
import { bind } from './libc.js';

const getrandom = bind('getrandom', 'int64_t', ['void*', 'size_t', 'unsigned int']);

/** The host fills 256 bytes in one piece. */
const POOL_BYTES = 256;
/** From here on without the pool. */
const DIRECT_BYTES = 1024;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** Fills `target` with bytes that nobody can predict; none is handed out twice or kept. */
export function fillRandom(target: Uint8Array): void {
  for (let done = 0; done < target.length; ) {
    if (target.length - done >= DIRECT_BYTES) {
      done += draw(target.subarray(done));
      continue;
    }
    if (used === POOL_BYTES) refill();
    const count = Math.min(target.length - done, POOL_BYTES - used);
    target.set(pool.subarray(used, used + count), done);
    pool.fill(0, used, used + count);
    used += count;
    done += count;
  }
}

function refill(): void {
  if (draw(pool) !== POOL_BYTES) throw new KernelBug('the host has too few random bytes');
  used = 0;
}

/** How many bytes the host has filled; a signal may cut a long request short. */
function draw(target: Uint8Array): number {
  const count = getrandom(target, target.length, 0);
  if (count === EINTR) return 0;
  if (isErr(count)) throw new KernelBug(`the host has no random bytes: errno ${-count}`);
  return count;
}

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

export function randomU32(): number {
  fillRandom(word);
  return wordView.getUint32(0, true);
}

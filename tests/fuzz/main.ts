/** npm run fuzz -- [--seconds N] [--seed S] [--platform P]: random scripts of system calls, natively and under skas, until the time is over. */
import { parseArgs } from 'node:util';
import { PLATFORMS, type PlatformName } from '../support/platforms.js';
import { Differential, fuzz } from './differential.js';

const BATCH = 200;
const SHOWN = 5;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      platform: { type: 'string', multiple: true, default: [...PLATFORMS] },
    },
  });
  const seconds = Number(values.seconds);
  const end = performance.now() + seconds * 1000;
  const open = await Promise.all(values.platform.map((platform) => Differential.open(platform as PlatformName)));
  let seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || !(seconds > 0)) throw new RangeError('--seconds and --seed take numbers');
  const first = seed;
  let found = 0;
  try {
    for (; performance.now() < end && found < SHOWN; seed += BATCH) {
      for (const [i, differential] of open.entries()) {
        const texts = await fuzz(differential, seed, BATCH, SHOWN);
        for (const text of texts) console.log(`${values.platform[i]}: ${text}`);
        found += texts.length;
      }
    }
  } finally {
    for (const differential of open) await differential[Symbol.asyncDispose]();
  }
  console.log(`${seed - first} scripts from seed ${first}: ${found === 0 ? 'no difference' : 'differences'}`);
  return found === 0 ? 0 : 1;
}

process.exitCode = await main();

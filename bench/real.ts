/** Real programs under every peer: wall time with the peer's own start, milliseconds. */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../tools/repository.js';
import type { BenchOptions } from './micro.js';
import { type Peer, spawnMeasured } from './peers.js';
import { Table } from './table.js';

const GIT =
  'export HOME=$PWD GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; rm -rf repo; ' +
  'git -c init.defaultBranch=main init -q repo; cd repo; for i in 1 2 3 4 5 6 7 8 9 10; do echo $i > f$i; git add .; git commit -qm $i; done; git fsck';

/** Row -> command. Each must end with exit code 0. */
const WORK: Readonly<Record<string, readonly string[]>> = {
  '/bin/true': ['/bin/true'],
  'python3 start-up': ['/usr/bin/python3', '-c', 'import json, subprocess'],
  'node -e 0': [process.execPath, '-e', '0'],
  'find /usr': ['sh', '-c', 'find /usr -type f | wc -l'],
  'tar of /usr/share/doc, gzip': ['sh', '-c', 'tar cf - /usr/share/doc 2>/dev/null | gzip -1 | wc -c'],
  'gcc, 3 files': ['sh', '-c', 'cp project/*.c project/*.h . && gcc -O2 -o calc main.c expr.c && gcc -O2 -c expr.c && ./calc 6*7'],
  'git, 10 commits': ['sh', '-c', GIT],
  '300 forks of /bin/true': ['sh', '-c', 'i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done'],
};

export async function realTable(peers: readonly Peer[], options: BenchOptions): Promise<Table> {
  const table = new Table(
    'real work, ms',
    peers.map((peer) => peer.name),
    (ms) => ms.toFixed(0),
  );
  const folder = join(options.folder, 'work');
  await warmUp(options.folder);
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const [row, argv] of Object.entries(WORK)) {
      for (const peer of peers) {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
        cpSync(join(ROOT, 'tests/conformance/project'), join(folder, 'project'), { recursive: true });
        const { ms, exitCode, stderr } = await peer.run(argv, folder);
        if (exitCode === 0) table.add(row, peer.name, ms);
        options.say(
          `real ${repeat + 1}/${options.repeats} ${row}, ${peer.name}: ${exitCode === 0 ? `${ms.toFixed(0)} ms` : `exit ${exitCode}: ${stderr.slice(-200)}`}`,
        );
      }
    }
  }
  return table;
}

/** Reads everything once, so that the first peer does not pay for the disk. */
async function warmUp(folder: string): Promise<void> {
  for (const argv of Object.values(WORK)) {
    if (!argv.join(' ').includes('project')) await spawnMeasured(argv, folder);
  }
}

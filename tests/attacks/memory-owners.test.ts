/**
 * No page of guest RAM is writable in two guest processes unless they share it by Linux's rules: what stub processes really map,
 * read from the host's /proc while all of them rest.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Sandbox } from '../../src/api/sandbox.js';
import { TASK_SIZE } from '../../src/platform/platform.js';
import { isInstalled } from '../../tools/install-test-programs.js';
import { PLATFORMS, type PlatformName } from '../support/platforms.js';
import { attackPrograms } from './programs.js';

const TIMEOUT_MS = 60_000;

/** Processes of the host that this one has started. */
function childProcesses(): number[] {
  const parent = new RegExp(`\\) \\w ${process.pid} `);
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) && parent.test(readFileSync(`/proc/${name}/stat`, 'latin1')) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Pages of guest RAM, by file and offset, that a process can write to as guest memory, and as its stub's. */
function writablePages(pid: number): { guest: Set<string>; stub: Set<string> } {
  const pages = { guest: new Set<string>(), stub: new Set<string>() };
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) .w.. ([0-9a-f]+) (\S+ \d+) .*memfd:/.exec(line);
    if (!match) continue;
    const [start, end, offset] = [1, 2, 3].map((i) => Number.parseInt(match[i]!, 16)) as [number, number, number];
    const owner = start < TASK_SIZE ? pages.guest : pages.stub;
    for (let at = start; at < end; at += 4096) owner.add(`${match[4]} ${offset + at - start}`);
  }
  return pages;
}

/** Pages that more than one of the sets has. */
function inSeveral(sets: readonly Set<string>[]): Set<string> {
  const seen = new Set<string>();
  const several = new Set<string>();
  for (const set of sets) for (const page of set) (seen.has(page) ? several : seen).add(page);
  return several;
}

async function testOwners(platform: PlatformName): Promise<void> {
  const program = attackPrograms()
    .find(({ name }) => name === 'memory-owners')!
    .executable();
  const sandbox = await Sandbox.create({ platform, mounts: { '/attacks': join(program, '..') } });
  try {
    const guest = await sandbox.spawn(program.replace(join(program, '..'), '/attacks'), []);
    let output = '';
    for await (const { data } of guest) {
      output += data;
      if (output.includes('\n')) break;
    }
    const processes = childProcesses().map(writablePages);
    const writers = processes.filter(({ guest }) => guest.size > 0);
    assert.ok(writers.length >= 12, `${writers.length} processes have memory of their own`);
    assert.equal(inSeveral(writers.map((each) => each.guest)).size, Number(output));
    assert.equal(inSeveral(processes.map((each) => each.stub)).size, 0);
    assert.equal(
      inSeveral([...writers.map((each) => each.guest), new Set(processes.flatMap((each) => [...each.stub]))]).size,
      Number(output),
    );
  } finally {
    await sandbox.close();
  }
}

for (const platform of PLATFORMS) {
  describe(`memory on ${platform}`, { skip: isInstalled('gcc') ? false : 'no gcc' }, () => {
    test('no page is writable in two processes that do not share it', { timeout: TIMEOUT_MS }, () => testOwners(platform));
  });
}

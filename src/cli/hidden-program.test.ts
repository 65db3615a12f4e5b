import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hiddenProgramMessage } from './hidden-program.js';

test('a program that only the host sees is named with the option that shows it', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'skas-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  for (const folder of ['v20', 'v20/bin', 'own']) mkdirSync(join(home, folder));
  writeFileSync(join(home, 'v20/bin/tool'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(home, 'v20/bin/text'), '');
  symlinkSync(join(home, 'v20/bin/tool'), join(home, 'own/linked-tool'));

  const path = `/usr/bin:${home}/v20/bin:${home}/own`;
  const told = (name: string): string | undefined => hiddenProgramMessage(name, path)?.replaceAll(home, 'HOME');
  assert.equal(told('tool'), 'tool: not found: the guest does not see HOME/v20/bin/tool of the host: show it with -r HOME/v20 -e PATH');
  assert.match(told('linked-tool')!, /-r HOME\/own -r HOME\/v20 -e PATH$/);
  assert.match(told(join(home, 'v20/bin/tool'))!, /-r HOME\/v20$/);
  assert.deepEqual([told('text'), told('none'), told(join(home, 'own'))], [undefined, undefined, undefined]);
});

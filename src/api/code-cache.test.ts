import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadModule } from './code-cache.js';

let folder: string;
let from: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'skas-cache-'));
  from = pathToFileURL(join(folder, 'entry.js')).href;
  const body = "exports.path = require('node:path').sep; exports.file = __filename;";
  writeFileSync(join(folder, 'bundle.cjs'), `(function (require, module, exports, __filename) { ${body} })`);
  writeFileSync(join(folder, 'plain.js'), 'export const kind = "module";');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Loads the bundle in a process of its own, with the switch set by which the package's build writes caches. */
function loadWriting(): string {
  const code = `import { loadModule } from ${JSON.stringify(new URL('./code-cache.js', import.meta.url).href)};
    console.log((await loadModule('bundle', ${JSON.stringify(from)})).path);`;
  const env = { ...process.env, SKAS_WRITE_CODE_CACHE: '1' };
  return execFileSync(process.execPath, ['--input-type=module', '--eval', code], { env, encoding: 'utf8' });
}

test('a bundle is preferred, and a module serves where there is none', async () => {
  const bundle = await loadModule<{ path: string; file: string }>('bundle', from);
  assert.deepEqual([bundle.path, bundle.file], ['/', join(folder, 'bundle.cjs')]);
  assert.equal((await loadModule<{ kind: string }>('plain', from)).kind, 'module');
  assert.equal(existsSync(join(folder, 'bundle.cjs.cache')), false);
});

test('a cache is written when asked for, and a damaged one does no harm', async () => {
  assert.equal(loadWriting(), '/\n');
  const cache = join(folder, 'bundle.cjs.cache');
  assert.equal(existsSync(cache), true);
  assert.equal((await loadModule<{ path: string }>('bundle', from)).path, '/');
  truncateSync(cache, 40);
  assert.equal((await loadModule<{ path: string }>('bundle', from)).path, '/');
});

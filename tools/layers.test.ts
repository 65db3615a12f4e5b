import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFile } from './layers.js';

test('imports from the own folder and from folders above are allowed', () => {
  assert.deepEqual(checkFile('vfs/inode.ts', "import { x } from './path.js';\nimport type { Y } from '../mm/io-vec.js';\n"), []);
  assert.deepEqual(checkFile('fs/tmpfs/file.ts', "import { x } from '../pipe.js';\nimport { y } from '../../vfs/inode.js';\n"), []);
});

test('an import from a folder below is refused, and the message says what is allowed', () => {
  const problems = checkFile('mm/fault.ts', "// first line\nimport { x } from '../kernel/task.js';\n");
  assert.equal(problems.length, 1);
  assert.match(
    problems[0]!,
    /^src\/mm\/fault\.ts:2: mm\/ must not import '\.\.\/kernel\/task\.js'; besides itself it may import base, .*platform$/,
  );
});

test('the uppermost folder may import nothing', () => {
  assert.match(checkFile('base/page.ts', "import '../abi/errno.js';")[0]!, /besides itself it may import nothing$/);
});

test('dynamic and type imports obey the same rule', () => {
  assert.equal(checkFile('vfs/a.ts', "const m = await import('../api/sandbox.js');").length, 1);
  assert.equal(checkFile('vfs/a.ts', "let p: import('../fs/pipe.js').Pipe;").length, 1);
  assert.equal(checkFile('vfs/a.ts', "export * from '../kernel/task.js';").length, 1);
});

test('only host/ imports koffi', () => {
  assert.deepEqual(checkFile('host/libc.ts', "import koffi from 'koffi';"), []);
  assert.match(checkFile('platform/x.ts', "import koffi from 'koffi';")[0]!, /only host\/ may import koffi/);
});

test('an unknown folder is refused', () => {
  assert.match(checkFile('misc/x.ts', '')[0]!, /'misc' is not a layer/);
});

test('comments and tests do not count', () => {
  assert.deepEqual(checkFile('base/a.ts', "/* from '../kernel/task.js' */\n// import '../kernel/task.js'\n"), []);
  assert.deepEqual(checkFile('base/a.test.ts', "import '../kernel/task.js';"), []);
});

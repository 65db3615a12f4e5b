import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellCommand, shellQuote, type ShellValue } from './shell.js';

function tag(strings: TemplateStringsArray, ...values: ShellValue[]): string {
  return shellCommand(strings, values);
}

test('values stay one word, whatever they hold', () => {
  const hostile = [
    'plain',
    '',
    ' ',
    "it's",
    '"',
    '$(id)',
    '`id`',
    ';',
    '&&',
    '*',
    '~',
    '#',
    '\\',
    '\n',
    'a=b',
    '=ls',
    '-n',
    'ünï',
    '!x',
    '{a,b}',
  ];
  const line = `printf '%s\\0' ${hostile.map(shellQuote).join(' ')}`;
  for (const shell of ['sh', 'bash']) {
    const printed = execFileSync(shell, ['-c', line], { encoding: 'utf8' });
    assert.deepEqual(printed.split('\0').slice(0, -1), hostile);
  }
});

test('ordinary words are left readable', () => {
  assert.equal(shellQuote('/usr/bin/env-2.0'), '/usr/bin/env-2.0');
  assert.equal(shellQuote('a b'), "'a b'");
});

test('a template keeps its own text and quotes what is put in', () => {
  assert.equal(tag`make -j${4} CC=${'my cc'} | tee ${['a b', 'c']}`, "make -j4 CC='my cc' | tee 'a b' c");
  assert.equal(tag`printf 'a\n'`, "printf 'a\\n'");
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { significant, Table } from './table.js';

test('the median of the repeats, with the ratio to the first column', () => {
  const table = new Table('us', ['native', 'skas'], (value) => value.toFixed(1));
  for (const value of [3, 1, 2]) table.add('stat', 'native', value);
  for (const value of [10, 20]) table.add('stat', 'skas', value);
  table.add('fork', 'skas', 5);
  assert.equal(
    table.toMarkdown(),
    ['| us | native | skas |', '|---|---:|---:|', '| stat | 2.0 | 15.0 (7.5x) |', '| fork | - | 5.0 |'].join('\n'),
  );
  assert.equal(table.median('stat', 'skas'), 15);
  assert.equal(table.median('none', 'skas'), undefined);
});

test('two significant digits', () => {
  assert.equal(significant(1234.5), '1235');
  assert.equal(significant(12.34), '12');
  assert.equal(significant(0.01234), '0.012');
});

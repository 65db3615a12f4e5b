import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from './messages.js';
import { parseCount, parseDuration, parseSize } from './quantities.js';

test('sizes', () => {
  const table: [string, number][] = [
    ['1', 1],
    ['64k', 65536],
    ['64kb', 65536],
    ['512M', 2 ** 29],
    ['1.5g', 1.5 * 2 ** 30],
    ['2GiB', 2 ** 31],
  ];
  for (const [text, bytes] of table) assert.equal(parseSize(text, '-m'), bytes, text);
  for (const bad of ['', '0', '-1', 'lots', '1x', '1e9', '5 5', '0.0001']) assert.throws(() => parseSize(bad, '-m'), CliError, bad);
});

test('durations', () => {
  const table: [string, number][] = [
    ['10', 10],
    ['10s', 10],
    ['500ms', 0.5],
    ['1.5m', 90],
    ['2h', 7200],
    ['1d', 86400],
  ];
  for (const [text, seconds] of table) assert.equal(parseDuration(text, '-t'), seconds, text);
  for (const bad of ['', '0', '-1s', 'soon', '1y', '1e3']) assert.throws(() => parseDuration(bad, '-t'), CliError, bad);
});

test('counts', () => {
  assert.equal(parseCount('12', '--pids', 1, 100), 12);
  for (const bad of ['', '0', '101', '1.5', 'x', '-1']) assert.throws(() => parseCount(bad, '--pids', 1, 100), CliError, bad);
});

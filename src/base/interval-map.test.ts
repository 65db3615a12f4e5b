/** Intervals in order: lookups at their edges, in the gaps, behind the last hit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntervalMap } from './interval-map.js';

function mapOf(...intervals: [number, number][]): IntervalMap<{ start: number; end: number }> {
  const map = new IntervalMap<{ start: number; end: number }>();
  for (const [start, end] of intervals) map.insert({ start, end });
  return map;
}

test('intervals stay in order however they are entered', () => {
  const map = mapOf([30, 40], [10, 20], [20, 30], [50, 60]);
  assert.deepEqual(
    map.items.map((item) => item.start),
    [10, 20, 30, 50],
  );
});

test('find and indexOf at edges and in gaps', () => {
  const map = mapOf([10, 20], [30, 40]);
  const cases: [number, number, boolean][] = [
    [0, 0, false],
    [10, 0, true],
    [19, 0, true],
    [20, 1, false],
    [29, 1, false],
    [30, 1, true],
    [39, 1, true],
    [40, 2, false],
  ];
  // In both directions, so that the remembered hit is of no help once.
  for (const [address, index, found] of [...cases, ...cases.reverse()]) {
    assert.equal(map.indexOf(address), index);
    assert.equal(map.find(address) !== undefined, found);
  }
});

test('isFree looks at the whole range', () => {
  const map = mapOf([10, 20], [30, 40]);
  assert(map.isFree(0, 10));
  assert(map.isFree(20, 30));
  assert(map.isFree(40, 1000));
  assert(!map.isFree(0, 11));
  assert(!map.isFree(25, 31));
  assert(!map.isFree(0, 1000));
});

test('the remembered hit survives removal and insertion', () => {
  const map = mapOf([10, 20], [30, 40], [50, 60]);
  assert.equal(map.indexOf(55), 2);
  map.removeAt(0, 2);
  assert.equal(map.indexOf(55), 0);
  map.insert({ start: 0, end: 5 });
  assert.equal(map.find(55)?.start, 50);
  map.clear();
  assert.equal(map.find(55), undefined);
  assert.equal(map.indexOf(55), 0);
});

test('joinRange joins neighbours in one pass and leaves the others', () => {
  const map = mapOf([0, 10], [10, 20], [20, 30], [35, 40], [40, 50], [50, 60]);
  const join = (item: { end: number }, next: { start: number; end: number }): boolean => {
    if (item.end !== next.start) return false;
    item.end = next.end;
    return true;
  };
  map.joinRange(2, 3, join);
  assert.deepEqual(map.items, [
    { start: 0, end: 10 },
    { start: 10, end: 30 },
    { start: 35, end: 50 },
    { start: 50, end: 60 },
  ]);
  map.joinRange(0, 99, join);
  assert.deepEqual(map.items, [
    { start: 0, end: 30 },
    { start: 35, end: 60 },
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputStream } from './output-stream.js';

function streamWithLog(): { stream: OutputStream; log: (number | 'cancelled')[] } {
  const log: (number | 'cancelled')[] = [];
  const stream = new OutputStream({ consumed: (bytes) => log.push(bytes), cancelled: () => log.push('cancelled') });
  return { stream, log };
}

test('only what is read is given back as credit', async () => {
  const { stream, log } = streamWithLog();
  stream.push(new Uint8Array(10));
  stream.push(new Uint8Array(20));
  assert.deepEqual(log, []);
  const reader = stream.stream.getReader();
  assert.equal((await reader.read()).value!.length, 10);
  assert.deepEqual(log, [10]);
  assert.equal((await reader.read()).value!.length, 20);
  assert.deepEqual(log, [10, 20]);
  stream.end();
  assert.equal((await reader.read()).done, true);
});

test('a reader that waits gets what comes, and the end', async () => {
  const { stream } = streamWithLog();
  const reader = stream.stream.getReader();
  const first = reader.read();
  stream.push(Uint8Array.of(1));
  assert.deepEqual((await first).value, Uint8Array.of(1));
  const last = reader.read();
  stream.end();
  assert.equal((await last).done, true);
});

test('the end comes behind what is unread', async () => {
  const { stream } = streamWithLog();
  stream.push(Uint8Array.of(1));
  stream.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream.stream) chunks.push(chunk);
  assert.deepEqual(chunks, [Uint8Array.of(1)]);
});

test('cancelling tells the other side and swallows the rest', async () => {
  const { stream, log } = streamWithLog();
  stream.push(new Uint8Array(3));
  await stream.stream.cancel();
  assert.deepEqual(log, ['cancelled']);
  stream.push(new Uint8Array(4));
  stream.end();
  assert.deepEqual(log, ['cancelled', 4]);
});

test('discarding gives all credit back', () => {
  const { stream, log } = streamWithLog();
  stream.push(new Uint8Array(3));
  stream.discard();
  stream.push(new Uint8Array(4));
  assert.deepEqual(log, [3, 4]);
});

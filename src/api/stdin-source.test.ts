import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INPUT_CHUNK_BYTES } from './protocol.js';
import { StdinFeed } from './stdin-source.js';

class Target {
  readonly sent: Uint8Array[] = [];
  ended = 0;
  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }
  end(): void {
    this.ended++;
  }
  get text(): string {
    return Buffer.concat(this.sent).toString();
  }
}

/** Lets pending promise reactions run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('nothing is sent before it is asked for', () => {
  const target = new Target();
  const feed = new StdinFeed(target);
  feed.feed('abc');
  assert.equal(target.sent.length, 0);
  assert.equal(target.ended, 0);
  feed.want();
  assert.equal(target.text, 'abc');
  assert.equal(target.ended, 1);
});

test('large input goes in chunks, one for each request', () => {
  const target = new Target();
  const feed = new StdinFeed(target);
  const bytes = new Uint8Array(INPUT_CHUNK_BYTES * 2 + 5).map((_, i) => i % 251);
  feed.feed(bytes);
  for (const length of [INPUT_CHUNK_BYTES, INPUT_CHUNK_BYTES, 5]) {
    feed.want();
    assert.equal(target.sent.at(-1)!.length, length);
  }
  assert.deepEqual(Buffer.concat(target.sent), Buffer.from(bytes));
  assert.equal(target.ended, 1);
});

test('an empty input ends at once', () => {
  const target = new Target();
  new StdinFeed(target).feed('');
  assert.equal(target.ended, 1);
  assert.equal(target.sent.length, 0);
});

test('a write resolves when the guest has asked for all of it', async () => {
  const target = new Target();
  const feed = new StdinFeed(target);
  let done = false;
  const writing = feed.write('hello').then(() => (done = true));
  await settle();
  assert.equal(done, false);
  feed.want();
  await writing;
  assert.equal(target.text, 'hello');
});

test('the memory that was written may be reused at once', async () => {
  const target = new Target();
  const feed = new StdinFeed(target);
  const bytes = Buffer.from('first');
  const writing = feed.write(bytes);
  bytes.write('OTHER');
  feed.want();
  await writing;
  assert.equal(target.text, 'first');
});

test('writes fail with EPIPE when nobody can read, and after the end', async () => {
  const feed = new StdinFeed(new Target());
  const pending = feed.write('x');
  feed.close();
  await assert.rejects(pending, { code: 'EPIPE' });
  await assert.rejects(feed.write('y'), { code: 'EPIPE' });
  const ended = new StdinFeed(new Target());
  ended.end();
  await assert.rejects(ended.write('z'), { code: 'EPIPE' });
});

test('iterables are pulled one item at a time, on demand', async () => {
  const target = new Target();
  const feed = new StdinFeed(target);
  let made = 0;
  async function* source(): AsyncGenerator<string> {
    for (const text of ['a', '', 'b']) {
      made++;
      yield text;
    }
  }
  feed.feed(source());
  await settle();
  assert.equal(made, 0);
  feed.want();
  await settle();
  assert.equal(target.text, 'a');
  feed.want();
  await settle();
  assert.equal(target.text, 'ab');
  feed.want();
  await settle();
  assert.equal(target.ended, 1);
});

test('an iterable that fails ends the input and is told', async () => {
  const target = new Target();
  const errors: unknown[] = [];
  const feed = new StdinFeed(target, (error) => errors.push(error));
  const broken = new Error('broken');
  feed.feed(
    (async function* (): AsyncGenerator<string> {
      yield 'a';
      throw broken;
    })(),
  );
  feed.want();
  await settle();
  feed.want();
  await settle();
  assert.deepEqual(errors, [broken]);
  assert.equal(target.ended, 1);
});

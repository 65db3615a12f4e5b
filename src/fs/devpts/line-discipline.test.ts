import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGINT, SIGTSTP } from '../../abi/signal.js';
import { ECHO, ICANON, OPOST } from '../../abi/termios.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import { LineDiscipline, type DisciplineHost } from './line-discipline.js';
import { defaultTermios } from './tty.js';

class Screen implements DisciplineHost {
  shown = '';
  signals: number[] = [];
  stopped = false;
  emit(byte: number): boolean {
    this.shown += String.fromCharCode(byte);
    return true;
  }
  signal(signal: number): void {
    this.signals.push(signal);
  }
  setStopped(stopped: boolean): void {
    this.stopped = stopped;
  }
  inputFlushed(): void {
    this.shown += '<flushed>';
  }
  discardOutput(): void {
    this.shown += '<discard>';
  }
}

function terminal(): { screen: Screen; line: LineDiscipline; type: (text: string) => void; read: () => string | undefined } {
  const screen = new Screen();
  const line = new LineDiscipline(defaultTermios(), screen);
  const read = (): string | undefined => {
    if (line.available === 0) return undefined;
    const buffer = new Uint8Array(100);
    const count = line.available < 0 ? 0 : (line.queue.moveTo(new KernelIoVec(buffer), Math.min(100, line.available)) as number);
    line.consumed(count);
    return Buffer.from(buffer.subarray(0, count)).toString('latin1');
  };
  const type = (text: string): void => {
    for (const byte of Buffer.from(text)) line.receive(byte);
  };
  return { screen, line, type, read };
}

test('a line can be read once it is complete, and is echoed with carriage returns', () => {
  const { screen, type, read } = terminal();
  type('ab');
  assert.equal(read(), undefined);
  type('c\r');
  assert.equal(read(), 'abc\n');
  assert.equal(screen.shown, 'abc\r\n');
});

test('erase, word erase and kill edit the line and the screen', () => {
  const { screen, type, read } = terminal();
  type('one twx\x7fo three\x17\x17\n');
  assert.equal(read(), 'one \n');
  assert.ok(screen.shown.includes('\b \b'));
  type('gone\x15here\n');
  assert.equal(read(), 'here\n');
});

test('control characters are shown with a caret and take two columns to erase', () => {
  const { screen, type, read } = terminal();
  type('\x01\x7f');
  assert.equal(screen.shown, '^A\b \b\b \b');
  type('\n');
  assert.equal(read(), '\n');
});

test('the end-of-file key completes a line without a newline; on an empty line it is the end', () => {
  const { type, read } = terminal();
  type('x\x04');
  assert.equal(read(), 'x');
  type('\x04');
  assert.equal(read(), '');
  assert.equal(read(), undefined);
});

test('signal keys send signals and throw the line away', () => {
  const { screen, type, read } = terminal();
  type('abc\x03');
  type('\x1ad\n');
  assert.deepEqual(screen.signals, [SIGINT, SIGTSTP]);
  assert.equal(read(), 'd\n');
  assert.ok(screen.shown.includes('^C'));
});

test('the literal-next key takes the meaning from what follows', () => {
  const { screen, type, read } = terminal();
  type('a\x16\x03b\n');
  assert.deepEqual(screen.signals, []);
  assert.equal(read(), 'a\x03b\n');
});

test('raw mode passes every byte at once and processes nothing', () => {
  const { screen, line, type, read } = terminal();
  line.termios.lflag &= ~(ICANON | ECHO | 1);
  line.termios.iflag = 0;
  line.modesChanged(true);
  type('a\r\x03');
  assert.equal(read(), 'a\r\x03');
  assert.equal(screen.shown, '');
});

test('output: newlines get a carriage return, tabs stay unless they are to be expanded', () => {
  const { screen, line } = terminal();
  for (const byte of Buffer.from('a\tb\n')) line.processOutput(byte);
  assert.equal(screen.shown, 'a\tb\r\n');
  line.termios.oflag = OPOST | 0x1800;
  screen.shown = '';
  for (const byte of Buffer.from('a\tb')) line.processOutput(byte);
  assert.equal(screen.shown, 'a       b');
});

test('flow control stops and starts output', () => {
  const { screen, type } = terminal();
  type('\x13');
  assert.equal(screen.stopped, true);
  type('\x11');
  assert.equal(screen.stopped, false);
});

test('a full line keeps room for its end', () => {
  const { type, read } = terminal();
  type('y'.repeat(5000));
  type('\n');
  let total = 0;
  for (let part = read(); part; part = read()) total += part.length;
  assert.equal(total, 4096);
});

test('leaving canonical mode makes the edited line readable', () => {
  const { line, type, read } = terminal();
  type('half');
  line.termios.lflag &= ~ICANON;
  line.modesChanged(true);
  assert.equal(read(), 'half');
});

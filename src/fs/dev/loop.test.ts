import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EBADF, EBUSY, EINVAL, ENOSPC, ENOTTY, ENXIO } from '../../abi/errno.js';
import { O_CREAT, O_RDONLY, O_RDWR } from '../../abi/fcntl.js';
import { SEEK_END } from '../../abi/fs.js';
import * as abi from '../../abi/loop.js';
import type { Machine } from '../../kernel/machine.js';
import { KernelIoVec } from '../../mm/io-vec.js';
import { dropFile } from '../../vfs/fd-table.js';
import type { IoctlCaller, OpenFile } from '../../vfs/open-file.js';
import { Tmpfs } from '../tmpfs/tmpfs.js';
import { testClock, testMemory, TestTree, writeText } from '../tree-for-tests.js';
import { DevFs } from './dev-fs.js';

const physmem = testMemory();
const files = new Map<number, OpenFile>();
const machine = { physmem, clock: testClock, bootNs: 0, current: { files } } as unknown as Machine;
const dev = new TestTree(new DevFs(machine));
const images = new TestTree(new Tmpfs({ physmem, clock: testClock, mode: 0o755 }));

/** The argument of an ioctl: 512 bytes of a caller's memory. */
const memory = new Uint8Array(512);
const caller: IoctlCaller = {
  copyIn: (_at, target) => (target.set(memory.subarray(0, target.length)), 0),
  copyOut: (_at, source) => (memory.set(source), 0),
};

function opened(tree: TestTree, path: string, flags: number): OpenFile {
  const file = tree.open(path, flags);
  assert.ok(typeof file === 'object', `${path}: ${String(file)}`);
  return file as OpenFile;
}

function text(file: OpenFile, position: number, length: number): string | number {
  const bytes = new Uint8Array(length);
  const moved = file.read(new KernelIoVec(bytes), position) as number;
  return moved < 0 ? moved : Buffer.from(bytes.subarray(0, moved)).toString();
}

test('a file as a block device: size, offset, reading, writing, clearing', () => {
  const image = opened(images, '/image', O_CREAT | O_RDWR);
  writeText(image, 'a'.repeat(512) + 'b'.repeat(512) + 'rest');
  files.set(5, image);
  const device = opened(dev, '/loop3', O_RDWR);
  assert.equal(device.ioctl(caller, abi.LOOP_GET_STATUS64, 0), ENXIO);
  assert.equal(text(device, 0, 4), '');
  assert.equal(device.ioctl(caller, abi.LOOP_SET_FD, 9), EBADF);
  assert.equal(device.ioctl(caller, abi.LOOP_SET_FD, 5), 0);
  assert.equal(device.ioctl(caller, abi.LOOP_SET_FD, 5), EBUSY);
  assert.equal(device.ioctl(caller, abi.BLKGETSIZE64, 0), 0);
  // Whole sectors: the rest of the file is not shown.
  assert.equal(new DataView(memory.buffer).getUint32(0, true), 1024);
  assert.equal(device.seek(0, SEEK_END), 1024);
  assert.equal(text(device, 510, 4), 'aabb');
  assert.equal(writeText(device, 'X'.repeat(600), 900), 124);
  assert.equal(writeText(device, 'X', 1024), ENOSPC);

  memory.fill(0);
  abi.LOOP_INFO64.write(new DataView(memory.buffer), 0, { ...abi.LOOP_INFO64.zero(), offset: 512, flags: abi.LO_FLAGS_AUTOCLEAR });
  assert.equal(device.ioctl(caller, abi.LOOP_SET_STATUS64, 0), 0);
  assert.equal(text(device, 0, 4), 'bbbb');
  assert.equal(device.ioctl(caller, abi.LOOP_SET_BLOCK_SIZE, 1000), EINVAL);
  assert.equal(device.ioctl(caller, 0x1234, 0), ENOTTY);
  dropFile(device);
  const again = opened(dev, '/loop3', O_RDONLY);
  assert.equal(again.ioctl(caller, abi.LOOP_CLR_FD, 0), ENXIO);
  dropFile(again);
  assert.equal(image.references, 1);
});

test('the control device names a free one; clearing waits for other openers', () => {
  const control = opened(dev, '/loop-control', O_RDWR);
  const first = opened(dev, '/loop0', O_RDWR);
  const second = opened(dev, '/loop0', O_RDONLY);
  assert.equal(control.ioctl(caller, abi.LOOP_CTL_GET_FREE, 0), 0);
  assert.equal(first.ioctl(caller, abi.LOOP_SET_FD, 5), 0);
  assert.equal(control.ioctl(caller, abi.LOOP_CTL_GET_FREE, 0), 1);
  assert.equal(first.ioctl(caller, abi.LOOP_CLR_FD, 0), 0);
  assert.equal(control.ioctl(caller, abi.LOOP_CTL_GET_FREE, 0), 1);
  dropFile(first);
  dropFile(second);
  assert.equal(control.ioctl(caller, abi.LOOP_CTL_GET_FREE, 0), 0);
  dropFile(control);
});

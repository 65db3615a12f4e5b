import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { S_IFMT } from '../abi/stat.js';
import { ContentStore } from './content-store.js';
import { zstdBytes } from './decompress.js';
import { parseIndex, type ImageIndex, type IndexNode } from './image-index.js';
import { makeTar, makeTarGz, type Member } from './tar-for-tests.js';
import { unpackImage } from './unpack.js';

const base = mkdtempSync(join(tmpdir(), 'skas-unpack-'));
after(() => rmSync(base, { recursive: true, force: true }));

let next = 0;
function newFolder(): string {
  const folder = join(base, String(next++));
  mkdirSync(folder);
  return folder;
}

/** The tree as text -> [type, attributes, ...]. */
class Unpacked {
  readonly index: ImageIndex;
  constructor(readonly indexPath: string) {
    this.index = parseIndex(readFileSync(indexPath, 'utf8'));
  }

  node(path: string): IndexNode | undefined {
    let node: IndexNode | undefined = this.index.nodes[0];
    for (const name of path.split('/').filter((part) => part !== '')) {
      const names: IndexNode[6] = node?.[6];
      const at: number = Array.isArray(names) ? names.indexOf(name) : -1;
      node = at < 0 ? undefined : this.index.nodes[(names as (string | number)[])[at + 1] as number];
    }
    return node;
  }

  /** Contents of a regular file. */
  read(path: string): string {
    const [, , , , , , size, pieces] = this.node(path)! as unknown as [0, 0, 0, 0, 0, 0, number, number[]];
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < pieces.length; i += 4) {
      const [content, offset, at, length] = pieces.slice(i, i + 4) as [number, number, number, number];
      readFileSync(this.index.contents[content]!.path).copy(bytes, at, offset, offset + length);
    }
    return bytes.toString('latin1');
  }

  names(path: string): string[] {
    return (this.node(path)![6] as (string | number)[]).filter((_, i) => i % 2 === 0).sort() as string[];
  }
}

async function unpack(bytes: Uint8Array, options: { maxBytes?: number } = {}): Promise<Unpacked> {
  const folder = newFolder();
  writeFileSync(join(folder, 'archive'), bytes);
  const store = new ContentStore(join(folder, 'store'));
  return new Unpacked((await unpackImage(join(folder, 'archive'), { store, ...options })).indexPath);
}

/** One line, and nothing left behind. */
async function refuses(bytes: Uint8Array, message: RegExp, options: { maxBytes?: number } = {}): Promise<void> {
  const folder = newFolder();
  const file = join(folder, 'archive');
  writeFileSync(file, bytes);
  await assert.rejects(unpackImage(file, { store: new ContentStore(join(folder, 'store')), ...options }), (error: Error) => {
    assert.equal(error.name, 'ArchiveError', error.stack);
    assert.ok(error.message.startsWith(`${file}: `) && !error.message.includes('\n'), error.message);
    assert.match(error.message, message);
    return true;
  });
  const left = existsSync(join(folder, 'store')) ? readdirSync(join(folder, 'store'), { recursive: true }) : [];
  assert.deepEqual(
    left.filter((name) => !['images', 'layers', 'tmp'].includes(String(name))),
    [],
  );
}

const FILES: Member[] = [
  { name: './', type: '5', mode: 0o750, uid: 3, gid: 4 },
  { name: 'bin/', type: '5', mode: 0o755 },
  { name: 'bin/su', data: 'program', mode: 0o4755, uid: 0, gid: 42 },
  { name: 'bin/hard', type: '1', link: 'bin/su' },
  { name: 'lib', type: '2', link: 'usr/lib' },
  { name: 'lib/libc', data: 'through a link' },
  { name: 'dev/null', type: '3', device: [1, 3], mode: 0o666 },
  { name: 'fifo', type: '6' },
];

describe('archives', () => {
  test('keep types, modes, owners, links and devices, whoever unpacks them', async () => {
    const image = await unpack(makeTar(FILES));
    assert.deepEqual(image.node('/')!.slice(0, 3), [0o40750, 3, 4]);
    assert.deepEqual(image.node('bin/su')!.slice(0, 3), [0o104755, 0, 42]);
    assert.equal(image.node('bin/su')![5], 2);
    assert.equal(image.node('bin/hard'), image.node('bin/su'));
    assert.equal(image.read('bin/hard'), 'program');
    assert.equal(image.read('usr/lib/libc'), 'through a link');
    assert.deepEqual(image.node('dev/null')!.slice(6), [1, 3]);
    assert.equal(image.node('fifo')![0] & S_IFMT, 0o10000);
    assert.deepEqual(image.names('/'), ['bin', 'dev', 'fifo', 'lib', 'proc', 'run', 'sys', 'tmp', 'usr']);
  });

  test('names, numbers, times and attributes of pax headers', async () => {
    const long = `${'d'.repeat(200)}/${'e'.repeat(200)}`;
    const pax = { path: long, uid: '3000000', mtime: '1234567890.123456789', 'SCHILY.xattr.security.capability': '\x01\0\0\x02\xff\n=' };
    const image = await unpack(
      makeTar([
        { name: 'short', data: 'x', pax },
        { name: 'next', data: 'y' },
      ]),
    );
    const node = image.node(long)!;
    assert.deepEqual([node[1], node[3], node[4]], [3_000_000, 1_234_567_890, 123_456_789]);
    assert.deepEqual(Object.values(image.index.xattrs), [{ 'security.capability': '\x01\0\0\x02\xff\n=' }]);
    assert.equal(image.read('next'), 'y');
  });

  test('every format of GNU tar, sparse files included', () => formatsOfGnuTar());

  test('compressed ones are told by their bytes', async () => {
    const plain = makeTar(FILES);
    for (const program of ['gzip', 'zstd', 'xz', 'bzip2']) {
      const { stdout, error } = spawnSync(program, ['-c'], { input: plain });
      if (error) continue;
      assert.equal((await unpack(stdout)).read('bin/su'), 'program', program);
      await refuses(stdout.subarray(0, stdout.length - 30), /cut off or damaged/);
    }
  });

  test('zstd without any program', async () => {
    const plain = makeTar(FILES);
    const { stdout, error } = spawnSync('zstd', ['-c'], { input: plain });
    if (error) return;
    const collect = async (bytes: Buffer): Promise<Buffer> => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of zstdBytes(
        (async function* () {
          yield bytes;
        })(),
      ))
        chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    assert.deepEqual(await collect(stdout), plain);
    await assert.rejects(collect(stdout.subarray(0, stdout.length - 30)), /cut off or damaged/);
  });

  test('a second run finds the first, and a changed archive is read again', async () => {
    const folder = newFolder();
    const file = join(folder, 'a.tar.gz');
    const store = new ContentStore(join(folder, 'store'));
    writeFileSync(file, makeTarGz(FILES));
    const seen: number[] = [];
    const progress = (done: number): void => void seen.push(done);
    const first = await unpackImage(file, { store, progress });
    assert.ok(seen.length > 0);
    seen.length = 0;
    assert.deepEqual(await unpackImage(file, { store, progress }), first);
    assert.deepEqual(seen, []);
    writeFileSync(file, makeTarGz([{ name: 'other', data: 'new' }]));
    utimesSync(file, 5, 5);
    const second = await unpackImage(file, { store });
    assert.equal(new Unpacked(second.indexPath).read('other'), 'new');
    assert.equal(existsSync(first.indexPath), false);
    assert.equal(readdirSync(join(folder, 'store/layers')).length, 1);
    // What is kept is not trusted when it is not whole.
    truncateSync(new Unpacked(second.indexPath).index.contents[0]!.path, 100);
    assert.equal(new Unpacked((await unpackImage(file, { store })).indexPath).read('other'), 'new');
  });
});

async function formatsOfGnuTar(): Promise<void> {
  const folder = newFolder();
  mkdirSync(join(folder, 'in', 'x'.repeat(150)), { recursive: true });
  const hole = Buffer.alloc(300_000);
  hole.write('start', 0);
  hole.write('middle', 150_000);
  hole.write('end', 299_000);
  writeFileSync(join(folder, 'in', 'x'.repeat(150), 'sparse'), '');
  spawnSync('dd', ['bs=1000', 'count=300', 'iflag=fullblock', 'conv=sparse', `of=${join(folder, 'in', 'x'.repeat(150), 'sparse')}`], {
    input: hole,
  });
  const formats = [['--format=gnu'], ['--format=pax'], ['--format=pax', '--sparse-version=0.0'], ['--format=pax', '--sparse-version=0.1']];
  for (const format of formats) {
    const archive = join(folder, `${format.join('')}.tar`);
    const { status, error } = spawnSync('tar', ['-C', join(folder, 'in'), ...format, '-S', '-cf', archive, '.']);
    if (error) return;
    assert.equal(status, 0);
    const image = await unpack(readFileSync(archive));
    assert.equal(image.read(`${'x'.repeat(150)}/sparse`), hole.toString('latin1'), format.join(' '));
  }
}

describe('hostile archives', () => {
  test('names stay beneath the root', async () => {
    await refuses(makeTar([{ name: '../evil', data: 'x' }]), /leads out/);
    await refuses(makeTar([{ name: 'a/../../evil', data: 'x' }]), /leads out/);
    await refuses(makeTar([{ name: 'hard', type: '1', link: '../../etc/passwd' }]), /leads out/);
    await refuses(makeTar([{ name: 'hard', type: '1', link: '/etc/passwd' }]), /not there/);
    const image = await unpack(
      makeTar([
        { name: '/etc/absolute', data: 'a' },
        { name: 'out', type: '2', link: '../../../../etc' },
        { name: 'out/through', data: 'b' },
      ]),
    );
    assert.deepEqual(image.names('etc'), ['absolute', 'through']);
  });

  test('links that go in circles, entries below files, impossible numbers', async () => {
    await refuses(
      makeTar([
        { name: 'a', type: '2', link: 'b' },
        { name: 'b', type: '2', link: 'a' },
        { name: 'a/x', data: '' },
      ]),
      /too many symbolic links/,
    );
    await refuses(
      makeTar([
        { name: 'f', data: '' },
        { name: 'f/x', data: '' },
      ]),
      /below a file/,
    );
    await refuses(makeTar([{ name: 'x', pax: { uid: '-5' } }]), /impossible owner/);
    await refuses(makeTar([{ name: 'x', pax: { size: '99999999999999999999' } }]), /impossible size/);
    await refuses(makeTar([{ name: 'x', data: 'abc', pax: { 'GNU.sparse.map': '5,9', 'GNU.sparse.size': '10' } }]), /impossible map/);
    await refuses(makeTar([{ name: 'n'.repeat(90), pax: { path: 'n'.repeat(300) } }]), /more than 255 bytes/);
    const cycle: Member[] = [
      { name: 'd', type: '5' },
      { name: 'd/up', type: '2', link: '.' },
    ];
    const deep = await unpack(makeTar([...cycle, { name: `d${'/up'.repeat(30)}/f`, data: 'here' }]));
    assert.equal(deep.read('d/f'), 'here');
  });

  test('cut off, damaged, or no archive at all', async () => {
    const whole = makeTar([{ name: 'f', data: 'x'.repeat(5000) }]);
    await refuses(whole.subarray(0, 3000), /cut off/);
    await refuses(makeTar([{ name: 'f', data: 'x' }], false), /cut off/);
    await refuses(makeTar([{ name: 'f', size: 1e9 }]), /cut off/);
    await refuses(Buffer.from('x'.repeat(2000)), /not a tar archive/);
    await refuses(Buffer.alloc(0), /cut off/);
    const damaged = Buffer.from(whole);
    damaged[3]! ^= 1;
    await refuses(damaged, /checksum/);
    await refuses(makeTarGz(FILES).subarray(0, 100), /cut off/);
    await refuses(makeTar([{ name: 'p', type: 'x', data: '99 a=b\n' }, { name: 'f' }]), /pax/);
    await refuses(makeTar([{ name: 'p', type: 'L', size: 2 ** 31 }]), /impossible length/);
  });

  test('a bomb ends at the limit', async () => {
    const bomb = gzipSync(makeTar([{ name: 'zeros', data: Buffer.alloc(20 << 20) }]));
    assert.ok(bomb.length < 1 << 20);
    await refuses(bomb, /more than 1048576 bytes/, { maxBytes: 1 << 20 });
  });

  test('bytes at random never get further than a message', async () => {
    const good = makeTar([...FILES, { name: 'p', data: 'z', pax: { path: 'q', 'GNU.sparse.map': '0,1', 'GNU.sparse.size': '5' } }]);
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(good);
      for (let i = 0; i < 3; i++) bytes[random(bytes.length)] = random(256);
      await unpack(bytes).catch((error: Error) => assert.equal(error.name, 'ArchiveError', error.stack));
    }
  });
});

// Image layouts.

interface Layout {
  folder: string;
  /** Blob file of the last layer. */
  lastLayer: string;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function makeLayout(
  layers: readonly (readonly Member[])[],
  config: object = {},
  changes: { diffIds?: string[]; architecture?: string } = {},
): Layout {
  const folder = join(newFolder(), 'layout');
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const blobPath = (digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));
  const put = (bytes: Uint8Array): { digest: string; size: number } => {
    writeFileSync(blobPath(digestOf(bytes)), bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const tars = layers.map((members) => makeTar(members));
  const diffIds = changes.diffIds ?? tars.map(digestOf);
  const configAt = put(
    json({ os: 'linux', architecture: changes.architecture ?? 'amd64', config, rootfs: { type: 'layers', diff_ids: diffIds } }),
  );
  const layerAt = tars.map((tar, i) => put(i % 2 === 0 ? gzipSync(tar) : tar));
  const manifest = put(json({ schemaVersion: 2, config: configAt, layers: layerAt }));
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' };
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  return { folder, lastLayer: blobPath(layerAt.at(-1)!.digest) };
}

async function unpackLayout(source: string): Promise<Unpacked & { config?: object }> {
  const { indexPath, config } = await unpackImage(source, { store: new ContentStore(join(newFolder(), 'store')) });
  return Object.assign(new Unpacked(indexPath), { config });
}

const LOWER: Member[] = [
  { name: 'etc/passwd', data: 'lower' },
  { name: 'gone/deep/file', data: 'x' },
  { name: 'opaque/old', data: 'x' },
  { name: 'opaque/sub/old', data: 'x' },
  { name: 'kept', data: 'kept' },
];

describe('image layouts', () => {
  test('layers cover each other, whiteouts hide what is below and only that', async () => {
    const upper: Member[] = [
      { name: 'etc/passwd', data: 'upper' },
      { name: '.wh.gone', data: '' },
      { name: 'opaque/sub/new', data: 'new' },
      { name: 'opaque/.wh..wh..opq', data: '' },
      { name: '.wh.fresh', data: '' },
      { name: 'fresh', data: 'fresh' },
    ];
    const image = await unpackLayout(`${makeLayout([LOWER, upper, [{ name: 'alias', type: '1', link: 'kept' }]]).folder}:v1`);
    assert.equal(image.read('etc/passwd'), 'upper');
    assert.equal(image.node('gone'), undefined);
    assert.deepEqual(image.names('opaque'), ['sub']);
    assert.deepEqual(image.names('opaque/sub'), ['new']);
    assert.equal(image.read('fresh'), 'fresh');
    assert.equal(image.read('alias'), 'kept');
  });

  test('a file that replaces a directory, and a directory that replaces a link', async () => {
    const upper: Member[] = [
      { name: 'etc', data: 'now a file' },
      { name: 'way/', type: '5' },
      { name: 'way/x', data: '1' },
    ];
    const image = await unpackLayout(makeLayout([[...LOWER, { name: 'way', type: '2', link: 'opaque' }], upper]).folder);
    assert.equal(image.read('etc'), 'now a file');
    assert.deepEqual([image.names('way'), image.names('opaque')], [['x'], ['old', 'sub']]);
  });

  test('the configuration, and an archive of a layout', async () => {
    const config = { Entrypoint: ['/bin/sh'], Cmd: ['-c', 'id'], Env: ['A=b', 'bad'], User: 'app', WorkingDir: '/work' };
    const { folder } = makeLayout([LOWER], config);
    const expected = { entrypoint: ['/bin/sh'], cmd: ['-c', 'id'], env: ['A=b'], user: 'app', workingDir: '/work' };
    assert.deepEqual((await unpackLayout(folder)).config, expected);
    const archive = `${folder}.tar`;
    assert.equal(spawnSync('tar', ['-C', folder, '-cf', archive, '.']).status, 0);
    const image = await unpackLayout(archive);
    assert.deepEqual(image.config, expected);
    assert.equal(image.read('kept'), 'kept');
    assert.deepEqual(image.names('work'), []);
  });

  test('nothing is believed that has another digest', async () => {
    const refused = (source: string, message: RegExp): Promise<void> => assert.rejects(unpackLayout(source), message);
    const flipped = makeLayout([LOWER]);
    const bytes = readFileSync(flipped.lastLayer);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(flipped.lastLayer, bytes);
    await refused(flipped.folder, /layout: is (?:cut off or )?damaged/);
    const longer = makeLayout([LOWER]);
    writeFileSync(longer.lastLayer, 'x', { flag: 'a' });
    await refused(longer.folder, /another size/);
    await refused(makeLayout([LOWER], {}, { diffIds: [`sha256:${'0'.repeat(64)}`] }).folder, /another digest/);
    await refused(makeLayout([LOWER], {}, { diffIds: ['sha256:../../../x'] }).folder, /digest that is none/);
    await refused(makeLayout([LOWER], {}, { architecture: 'arm64' }).folder, /linux\/arm64/);
    await refused(`${makeLayout([LOWER]).folder}:v2`, /has no image v2: name one of its own \(v1\)/);
    const missing = makeLayout([LOWER]);
    rmSync(missing.lastLayer);
    await refused(missing.folder, /lacks a blob/);
    await refused(newFolder(), /not an OCI image layout/);
    await refused(join(base, 'nowhere'), /does not exist/);
  });
});

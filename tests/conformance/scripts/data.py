import asyncio, hashlib, json, os, random, re, sqlite3, struct, zlib, shutil, pathlib, time, select, selectors, socket, array, glob
print(json.dumps(json.loads('{"a": [1, 2.5, null, true, "\\u00e9"]}'), sort_keys=True))
random.seed(1)
data = bytes(random.getrandbits(8) for _ in range(100000))
print(hashlib.sha256(data).hexdigest(), zlib.crc32(data), len(zlib.compress(data)))
db = sqlite3.connect('test.db')
db.execute('create table t (id integer primary key, v text)')
with db:
    db.executemany('insert into t (v) values (?)', ((str(i * i),) for i in range(20000)))
print(db.execute('select count(*), sum(length(v)), max(id) from t').fetchone())
db.execute('create index i on t (v)')
print(db.execute("select id from t where v = '15129'").fetchall())
print(db.execute('pragma integrity_check').fetchone())
db.execute('pragma journal_mode=wal')
with db:
    db.execute('delete from t where id % 2 = 0')
print(db.execute('select count(*) from t').fetchone())
db.close()
async def tick(n):
    for i in range(3):
        await asyncio.sleep(0.01)
    return n
async def main():
    print(await asyncio.gather(*[tick(i) for i in range(5)]))
    p = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)
    print((await p.communicate(b'async'))[0])
    p = await asyncio.create_subprocess_shell('echo shell; exit 4', stdout=-1)
    print(await p.stdout.read(), await p.wait())
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.05)
    except asyncio.TimeoutError:
        print('timeout')
    loop = asyncio.get_running_loop()
    print(await loop.run_in_executor(None, lambda: 6 * 7))
    q = asyncio.Queue()
    async def put():
        for i in range(3):
            await q.put(i)
            await asyncio.sleep(0)
    t = asyncio.create_task(put())
    print([await q.get() for _ in range(3)])
    await t
    a, b = socket.socketpair()
    a.setblocking(False); b.setblocking(False)
    await loop.sock_sendall(a, b'pair')
    print(await loop.sock_recv(b, 10))
    async def serve(r, w):
        w.write((await r.read(5)).upper()); await w.drain(); w.close()
    server = await asyncio.start_unix_server(serve, path='sock')
    r, w = await asyncio.open_unix_connection('sock')
    w.write(b'hello'); print(await r.read()); w.close()
    server.close()
    loop.add_signal_handler(10, lambda: print('signal in loop'))
    os.kill(os.getpid(), 10)
    await asyncio.sleep(0.05)
asyncio.run(main())
root = pathlib.Path('dir')
(root / 'sub').mkdir(parents=True)
for i in range(50):
    (root / 'sub' / f'{i}.txt').write_text(str(i))
print(sum(int(p.read_text()) for p in root.rglob('*.txt')), len(glob.glob('dir/**', recursive=True)))
shutil.copytree(root, 'copy')
shutil.rmtree(root)
print(sorted(os.listdir('copy/sub'))[:3], os.path.exists('dir'))
shutil.make_archive('arch', 'zip', 'copy')
shutil.unpack_archive('arch.zip', 'unz')
print(len(os.listdir('unz/sub')))
with open('big', 'wb') as f:
    f.seek(10_000_000)
    f.write(b'end')
print(os.path.getsize('big'), os.stat('big').st_size)
sel = selectors.DefaultSelector()
r, w = os.pipe()
sel.register(r, selectors.EVENT_READ, 'pipe')
print(sel.select(0.01))
os.write(w, b'x')
print([k.data for k, _ in sel.select(1)])
print(re.findall(r'\b(\w)(\w*)\b', 'the quick brown fox'), struct.pack('<IhQ', 1, -2, 3))
print(sorted(set(os.environ)), time.strftime('%Y', time.gmtime(0)))
print(sum(array.array('d', [0.1] * 10)), 10 ** 50 % 97, 2 ** 0.5)
import ctypes, decimal, locale, uuid, ssl, lzma, bz2, curses, readline
print(decimal.Decimal(1) / 3, ctypes.CDLL(None).abs(-5), len(str(uuid.uuid4())), len(lzma.compress(data)), len(bz2.compress(data)))

import mmap, multiprocessing, queue, threading, time, os, concurrent.futures as cf
def square(x):
    return x * x
def worker(conn):
    conn.send(conn.recv() * 2)
    conn.close()
def count(v):
    for _ in range(200):
        with v.get_lock():
            v.value += 1
def fill(mq):
    [mq.put(i) for i in range(10)]
def main():
    lock, total = threading.Lock(), 0
    def add():
        nonlocal total
        for _ in range(1000):
            with lock:
                total += 1
    ts = [threading.Thread(target=add) for _ in range(16)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    print(total)
    q = queue.Queue(5)
    def produce():
        for i in range(100):
            q.put(i)
        q.put(None)
    threading.Thread(target=produce).start()
    s = 0
    while (v := q.get()) is not None:
        s += v
    print(s)
    e = threading.Event()
    threading.Timer(0.05, e.set).start()
    print(e.wait(5), e.wait(0.01))
    b = threading.Barrier(4)
    out = []
    def at_barrier(i):
        out.append(b.wait() >= 0)
    ts = [threading.Thread(target=at_barrier, args=(i,)) for i in range(4)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    print(out)
    with cf.ThreadPoolExecutor(8) as ex:
        print(sum(ex.map(lambda x: x * x, range(100))))
    with multiprocessing.Pool(3) as pool:
        print(pool.map(square, range(20)))
    a, c = multiprocessing.Pipe()
    p = multiprocessing.Process(target=worker, args=(c,))
    p.start()
    a.send(21)
    print(a.recv())
    p.join()
    print(p.exitcode)
    v = multiprocessing.Value('i', 0)
    ps = [multiprocessing.Process(target=count, args=(v,)) for _ in range(4)]
    [p.start() for p in ps]
    [p.join() for p in ps]
    print(v.value)
    mq = multiprocessing.Queue()
    p = multiprocessing.Process(target=fill, args=(mq,))
    p.start()
    print([mq.get() for _ in range(10)])
    p.join()
    m = mmap.mmap(-1, 8192)
    m[:5] = b'hello'
    if os.fork() == 0:
        m[5:10] = b'child'
        os._exit(0)
    os.wait()
    print(m[:10])
    with open('mapped', 'wb') as f:
        f.write(b'0' * 10000)
    with open('mapped', 'r+b') as f:
        mm = mmap.mmap(f.fileno(), 0)
        mm[100:104] = b'MMAP'
        mm.flush()
        print(mm.find(b'MMAP'), len(mm))
        mm.close()
    print(open('mapped', 'rb').read()[98:106])
    with multiprocessing.get_context('spawn').Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
if __name__ == '__main__':
    main()

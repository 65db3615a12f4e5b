import socket, threading, http.server, urllib.request, asyncio, multiprocessing.managers, socketserver, ssl
srv = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=srv.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f'http://localhost:{srv.server_port}/scripts/network.py').status)
srv.shutdown()
async def main():
    async def handle(r, w):
        data = await r.read(); w.write(data[::-1]); await w.drain(); w.close()
    s = await asyncio.start_server(handle, 'localhost', 0)
    print(sorted({str(x.family) for x in s.sockets}))
    port = s.sockets[0].getsockname()[1]
    r, w = await asyncio.open_connection(s.sockets[0].getsockname()[0], port)
    w.write(b'x' * 1000000 + b'end'); w.write_eof()
    d = await r.read(); print(len(d), d[:3])
    s.close()
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    class P(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr): done.set_result(data)
    t, _ = await loop.create_datagram_endpoint(P, local_addr=('127.0.0.1', 0))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b'dg', t.get_extra_info('sockname'))
    print(await done)
asyncio.run(main())
try: socket.create_connection(('127.0.0.1', 1), timeout=2)
except OSError as e: print(e)
a, b = socket.socketpair(); print(a.family.name)

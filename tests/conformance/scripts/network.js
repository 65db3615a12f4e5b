const http = require('http'), os = require('os'), dgram = require('dgram'), net = require('net');
const s = http.createServer((q, r) => r.end('hello ' + q.url)).listen(0, '127.0.0.1', async () => {
  const r = await fetch(`http://127.0.0.1:${s.address().port}/x`); console.log(r.status, await r.text()); s.close(); s.closeAllConnections();
  const e = net.createServer((c) => c.pipe(c)).listen(0, () => { console.log(e.address().address, e.address().family); const c = net.connect(e.address().port, 'localhost', () => { c.end('echo'); c.on('data', (d) => { console.log(String(d)); e.close(); }); }); });
});
try { console.log(Object.keys(os.networkInterfaces()).includes('lo')); } catch (x) { console.log('ni', x.code) }

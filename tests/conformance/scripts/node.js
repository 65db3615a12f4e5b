const fs = require('fs'), { execFileSync, spawn } = require('child_process'), path = require('path'), crypto = require('crypto'), zlib = require('zlib');
fs.writeFileSync('out.txt', 'written');
console.log(fs.readFileSync('out.txt', 'utf8'), fs.statSync('out.txt').size, fs.readdirSync('.').includes('out.txt'));
console.log(execFileSync('sh', ['-c', 'echo child $((1+1))']).toString().trim());
console.log(crypto.createHash('sha256').update('x'.repeat(100000)).digest('hex'), zlib.gunzipSync(zlib.gzipSync('zipped')).toString());
const c = spawn('cat'); c.stdout.on('data', (d) => console.log('cat says', d.toString())); c.on('close', (code) => console.log('cat ended', code));
c.stdin.end('stream');
(async () => {
  await fs.promises.mkdir('d/e/f', { recursive: true });
  await Promise.all(Array.from({ length: 20 }, (_, i) => fs.promises.writeFile(path.join('d', `${i}`), String(i))));
  console.log((await fs.promises.readdir('d')).length);
  const { Worker } = require('worker_threads');
  const w = new Worker('require("worker_threads").parentPort.postMessage(6*7)', { eval: true });
  console.log('worker', await new Promise((r) => w.on('message', r)));
  await new Promise((r) => setTimeout(r, 20));
  const t = setInterval(() => {}, 1000); clearInterval(t);
  process.on('SIGUSR2', () => { console.log('signal'); process.exitCode = 5; });
  process.kill(process.pid, 'SIGUSR2');
  const s = require('net').createServer((x) => x.pipe(x)).listen('./nodesock', () => {
    const k = require('net').connect('./nodesock', () => k.write('echo')); k.on('data', (d) => { console.log('net', d.toString()); k.end(); s.close(); });
  });
  const watcher = fs.watch('d', (e, f) => { console.log('watch', e, f); watcher.close(); });
  fs.writeFileSync('d/new', '');
})();

// Worker threads, child processes, cluster, fs.watch and os.
const { Worker, isMainThread, workerData } = require('node:worker_threads');
const { execSync, fork, spawnSync } = require('node:child_process');
const cluster = require('node:cluster');
const fs = require('node:fs');
const os = require('node:os');

function worker() {
  process.send('up');
  process.on('message', (code) => process.exit(code));
}

function thread() {
  const shared = new Int32Array(workerData);
  for (let i = 0; i < 1000; i++) Atomics.add(shared, 0, 1);
}

async function main() {
  const shared = new SharedArrayBuffer(4);
  const ended = () => new Promise((resolve) => new Worker(__filename, { workerData: shared }).on('exit', resolve));
  await Promise.all([1, 2, 3, 4].map(ended));
  console.log('counted', new Int32Array(shared)[0]);
  console.log(execSync('echo shell; exit 0').toString().trim());
  console.log(spawnSync('sh', ['-c', 'kill -9 $$']).signal);
  cluster.setupPrimary({ exec: __filename });
  const one = cluster.fork();
  one.on('message', (text) => {
    console.log('cluster', text);
    one.send(5);
  });
  console.log('code', await new Promise((resolve) => one.on('exit', resolve)));
  fs.mkdirSync('watched');
  const seen = new Set();
  await new Promise((resolve) => {
    const watcher = fs.watch('watched', (event, file) => {
      seen.add(`${event} ${file}`);
      if (file === 'a' && !fs.existsSync('watched/b')) fs.writeFileSync('watched/b', '2');
      if (!seen.has('rename b')) return;
      watcher.close();
      resolve();
    });
    fs.writeFileSync('watched/a', '1');
  });
  console.log(seen.has('rename a'));
  console.log(os.cpus().length, os.arch(), os.type(), os.hostname().length > 0, os.totalmem() > 1e6, os.freemem() > 0);
  console.log(os.loadavg().length, os.uptime() > 0, os.userInfo().uid, os.availableParallelism());
  process.on('SIGTERM', () => {
    console.log('told to end');
    process.exit(4);
  });
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => {}, 10000);
}

if (cluster.isWorker) worker();
else if (!isMainThread) thread();
else main();

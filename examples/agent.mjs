/**
 * Tools for an agent: it may run commands and read and write files in a project, and nothing that it does reaches the host. The
 * project is shown through an overlay, so that its changes live in memory until somebody has looked at them.
 *
 *   node examples/agent.mjs     (in the repository; the project is the current directory)
 */
import { existsSync } from 'node:fs';
import { Sandbox, hostdir, overlay } from 'skas';

const sandbox = await Sandbox.create({
  mounts: { '/project': overlay(hostdir('.')) },
  cwd: '/project',
  limits: { memoryBytes: 1 << 30, processes: 256 },
});

/** What a language model would be told of; each answers with text, whatever happens. */
const tools = {
  async run({ command }) {
    const { exitCode, signal, timedOut, stdout, stderr } = await sandbox.exec('bash', ['-c', command], { timeoutMs: 30_000 });
    const end = timedOut ? 'timed out' : signal ? `killed by ${signal}` : `exit code ${exitCode}`;
    return `${stdout}${stderr}[${end}]`;
  },
  async read({ path }) {
    return sandbox.fs.readFile(path, 'utf8').catch((error) => `[${error.message}]`);
  },
  async write({ path, text }) {
    await sandbox.fs.writeFile(path, text);
    return '[written]';
  },
};

// What a model might ask for.
const CALLS = [
  ['write', { path: 'notes.txt', text: 'three\none\ntwo\n' }],
  ['run', { command: 'sort notes.txt > sorted.txt && cat sorted.txt' }],
  ['read', { path: 'sorted.txt' }],
  ['read', { path: '/home/somebody/.ssh/id_ed25519' }],
  ['run', { command: 'rm -rf src && ls src' }],
];

for (const [name, args] of CALLS) console.log(`> ${name} ${JSON.stringify(args)}\n${(await tools[name](args)).trimEnd()}`);
await sandbox.close();
console.log(`On the host: ${existsSync('src') ? 'src is still there' : 'src is gone'}.`);

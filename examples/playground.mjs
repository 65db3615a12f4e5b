/**
 * A playground: an interactive shell with a terminal, driven by a program, as a web page with a terminal in it would do over a
 * socket. Every visitor has a machine of their own.
 *
 *   node examples/playground.mjs
 */
import { Sandbox } from 'skas';

/** Connects a visitor: what `read` yields is typed, what the terminal shows goes to `write`. Resolves with the shell's exit code. */
async function visit(read, write) {
  const sandbox = await Sandbox.create({ user: '0', hostname: 'playground', limits: { memoryBytes: 256 << 20, wallSeconds: 600 } });
  try {
    const shell = await sandbox.spawn('bash', ['--norc'], { pty: { cols: 80, rows: 24 }, env: { PS1: '$ ', TERM: 'dumb' } });
    const keyboard = shell.stdin.getWriter();
    const typing = (async () => {
      for await (const keys of read) await keyboard.write(keys);
    })();
    typing.catch(() => {}); // the shell has gone: nobody reads any more
    const decoder = new TextDecoder();
    for await (const bytes of shell.stdout) write(decoder.decode(bytes, { stream: true }));
    return (await shell.exited).exitCode;
  } finally {
    await sandbox.close();
  }
}

const keys = ['stty -echo\n', 'whoami; hostname; tty\n', 'rm /etc/passwd; ls /etc/passwd\n', 'exit 3\n'];
let shown = '';
const exitCode = await visit(keys, (text) => (shown += text));
console.log(shown.replaceAll('\r', ''));
console.log(`The shell ended with ${exitCode}.`);

/** Who runs the same work: the host itself, skas, and every neighbour that is installed. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from '../tools/install-test-programs.js';
import { ROOT } from '../tools/repository.js';

export interface Measured {
  stdout: string;
  stderr: string;
  exitCode: number | null;
  /** Wall time with the peer's own start. */
  ms: number;
}

export interface Peer {
  readonly name: string;
  /** Repetitions of the micro-benchmark are divided by this. */
  readonly divisor: number;
  isInstalled(): boolean;
  run(argv: readonly string[], cwd: string): Promise<Measured>;
}

const TIMEOUT_MS = 180_000;

export function spawnMeasured(argv: readonly string[], cwd: string): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('latin1')));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ stdout, stderr, exitCode, ms: performance.now() - start }));
  });
}

function wrapper(name: string, program: string, prefix: readonly string[], divisor: number): Peer {
  return {
    name,
    divisor,
    isInstalled: () => isInstalled(program),
    run: (argv, cwd) => spawnMeasured([...prefix, ...argv], cwd),
  };
}

const skas = (platform: string): Peer =>
  wrapper(`skas (${platform})`, process.execPath, [process.execPath, join(ROOT, 'dist/cli.cjs'), 'run', '--platform', platform, '--'], 1);

/**
 * User-mode Linux boots on the host's files with the command as its init; what it prints goes to a file, since its console mixes
 * in the kernel's own words.
 */
const uml: Peer = {
  name: 'UML',
  divisor: 20,
  isInstalled: () => isInstalled('linux') && isInstalled('busybox'),
  async run(argv, cwd) {
    const script = join(cwd, 'uml-init.sh');
    const output = join(cwd, 'uml-output');
    const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const lines = [
      '#!/bin/sh',
      'mount -t proc proc /proc',
      `export PATH='${process.env['PATH']}'`,
      `cd '${cwd}'`,
      `${quoted} > '${output}' 2>&1`,
      'busybox poweroff -f',
    ];
    writeFileSync(script, `${lines.join('\n')}\n`);
    chmodSync(script, 0o755);
    rmSync(output, { force: true });
    const kernel = [
      'linux',
      'mem=1024M',
      'rootfstype=hostfs',
      'rootflags=/',
      'rw',
      `init=${script}`,
      'con=null',
      'con0=null,null',
      'quiet',
    ];
    const measured = await spawnMeasured(kernel, cwd);
    return { ...measured, stdout: existsSync(output) ? readFileSync(output, 'latin1') : '' };
  },
};

export const NATIVE: Peer = { ...wrapper('native', process.execPath, [], 1), isInstalled: () => true };

export const PEERS: readonly Peer[] = [
  NATIVE,
  skas('ptrace'),
  skas('seccomp'),
  uml,
  wrapper('gVisor (runsc do, ptrace)', 'runsc', ['runsc', '--network=none', '--platform=ptrace', 'do'], 20),
  wrapper('proot', 'proot', ['proot'], 10),
  wrapper('bwrap', 'bwrap', ['bwrap', '--dev-bind', '/', '/', '--unshare-pid'], 1),
];

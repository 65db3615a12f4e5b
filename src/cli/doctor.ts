/** `skas doctor`: what this host offers, and whether a real guest runs on it. */
import { readFileSync } from 'node:fs';
import { arch, platform, release } from 'node:os';
import { SandboxError } from '../api/errors.js';
import { Sandbox } from '../api/sandbox.js';
import { CliError } from './messages.js';

interface Check {
  name: string;
  ok: boolean;
  /** What was found, or what to do. */
  detail: string;
}

export async function doctor(args: readonly string[]): Promise<number> {
  const unknown = args.find((word) => word !== '--json');
  if (unknown !== undefined) throw new CliError(`doctor ${unknown}: only --json is known`);
  const checks = [...hostChecks(), ...(await guestChecks())];
  const ok = checks.every((check) => check.ok);
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ ok, checks })}\n`);
  else {
    for (const { name, ok: fine, detail } of checks) process.stdout.write(`${fine ? 'ok  ' : 'FAIL'}  ${name.padEnd(22)}${detail}\n`);
    process.stdout.write(ok ? 'Guests run on this host.\n' : 'Guests do not run on this host: see the lines marked FAIL.\n');
  }
  return ok ? 0 : 1;
}

function hostChecks(): Check[] {
  const cpu = `${platform()} ${arch()}`;
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return [
    { name: 'host', ok: cpu === 'linux x64', detail: cpu === 'linux x64' ? `Linux ${release()} on x86-64` : `${cpu}: use Linux on x86-64` },
    kernelVersion(major, minor),
    yama(),
    maxMapCount(),
  ];
}

function kernelVersion(major: number, minor: number): Check {
  const ok = major > 4 || (major === 4 && minor >= 19);
  return { name: 'kernel version', ok, detail: ok ? `${major}.${minor}` : `${major}.${minor}: use Linux 4.19 or later` };
}

/** Tracing one's own children is allowed up to 1; 2 needs CAP_SYS_PTRACE, 3 forbids it. */
function yama(): Check {
  const scope = Number(readFile('/proc/sys/kernel/yama/ptrace_scope') ?? '0');
  const ok = scope < 2 || (scope === 2 && process.geteuid?.() === 0);
  const advice = `kernel.yama.ptrace_scope is ${scope}: set it to 1 (sysctl kernel.yama.ptrace_scope=1)`;
  return { name: 'ptrace scope', ok, detail: ok ? `${scope}: a program may trace its children` : advice };
}

function maxMapCount(): Check {
  const count = Number(readFile('/proc/sys/vm/max_map_count') ?? '65530');
  const detail = count >= 65530 ? String(count) : `${count}: guests with many mappings get ENOMEM; raise vm.max_map_count to 65530`;
  return { name: 'mappings per process', ok: true, detail };
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Boots a machine and runs programs in it. */
async function guestChecks(): Promise<Check[]> {
  const checks: Check[] = [];
  try {
    await using sandbox = await Sandbox.create();
    checks.push({ name: 'machine', ok: true, detail: `boots on the ${sandbox.platform} platform` });
    const said = await sandbox.exec('/bin/sh', ['-c', 'echo hello; exit 7'], { timeoutMs: 10_000 });
    const right = said.stdout === 'hello\n' && said.exitCode === 7;
    const detail = right
      ? `/bin/sh ran in ${said.durationMs.toFixed(0)} ms`
      : `/bin/sh gave ${JSON.stringify(said.stdout)} and ${said.exitCode ?? said.signal}`;
    checks.push({ name: 'guest', ok: right, detail });
  } catch (error) {
    const message = error instanceof SandboxError ? error.message : `failed, please report it: ${String(error)}`;
    checks.push({ name: checks.length === 0 ? 'machine' : 'guest', ok: false, detail: message });
  }
  return checks;
}

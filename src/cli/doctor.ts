/** `skas doctor`: what this host offers, and whether real guests run on it. */
import { arch, platform, release } from 'node:os';
import { SandboxError } from '../api/errors.js';
import { Sandbox } from '../api/sandbox.js';
import { isErr } from '../base/brands.js';
import { PhysMem } from '../mm/phys-mem.js';
import { type ProbeResult, probeHost } from '../platform/probe.js';
import { CliError } from './messages.js';

const PROBE_BYTES = 64 << 20;
const NAME_WIDTH = 24;

export async function doctor(args: readonly string[]): Promise<number> {
  const unknown = args.find((word) => word !== '--json');
  if (unknown !== undefined) throw new CliError(`doctor ${unknown}: only --json is known`);
  const checks = [probeMachine(), ...probePlatforms(), ...(await probeGuests())];
  const ok = checks.every((check) => check.ok || !check.required);
  process.stdout.write(args.includes('--json') ? `${JSON.stringify({ ok, checks })}\n` : report(checks, ok));
  return ok ? 0 : 1;
}

function report(checks: readonly ProbeResult[], ok: boolean): string {
  const lines = checks.map((check) => {
    const mark = check.ok ? 'ok   ' : check.required ? 'FAIL ' : 'lacks';
    return `${mark} ${check.name.padEnd(NAME_WIDTH)} ${check.detail}${check.advice === '' ? '' : `: ${check.advice}`}`;
  });
  const verdict = ok ? 'Guests run on this host.' : 'Guests do not run on this host: see the lines marked FAIL.';
  return `${lines.join('\n')}\n${verdict}\n`;
}

function probeMachine(): ProbeResult {
  const here = `${platform()} ${arch()}`;
  const ok = here === 'linux x64';
  return { name: 'host', ok, required: true, detail: ok ? `Linux ${release()} on x86-64` : here, advice: ok ? '' : 'use Linux on x86-64' };
}

/** On this thread, in a machine's place. */
function probePlatforms(): ProbeResult[] {
  const frames = PhysMem.create(PROBE_BYTES);
  if (isErr(frames)) return [{ name: 'guest memory', ok: false, required: true, detail: 'none to be had', advice: 'free some memory' }];
  try {
    return probeHost(frames);
  } finally {
    frames.dispose();
  }
}

/** Boots a machine and runs a program in it. */
async function probeGuests(): Promise<ProbeResult[]> {
  const checks: ProbeResult[] = [];
  const found = (name: string, ok: boolean, detail: string): void =>
    void checks.push({ name, ok, required: true, detail, advice: ok ? '' : 'please report it' });
  try {
    await using sandbox = await Sandbox.create();
    found('machine', true, `boots on the ${sandbox.platform} platform`);
    const { stdout, exitCode, signal, durationMs } = await sandbox.exec('/bin/sh', ['-c', 'echo hello; exit 7'], { timeoutMs: 10_000 });
    const right = stdout === 'hello\n' && exitCode === 7;
    const detail = right
      ? `/bin/sh ran in ${durationMs.toFixed(0)} ms`
      : `/bin/sh gave ${JSON.stringify(stdout)} and ${exitCode ?? signal}`;
    found('guest', right, detail);
  } catch (error) {
    found(checks.length === 0 ? 'machine' : 'guest', false, error instanceof SandboxError ? error.message : String(error));
  }
  return checks;
}

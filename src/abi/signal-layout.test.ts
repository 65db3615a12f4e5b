/** Layouts of signals, timers and limits against the C headers of this host. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as frame from './sigframe.js';
import { SIGEVENT, TMS } from './timer-struct.js';
import { CAP_DATA, CAP_HEADER, RLIMIT, SYSINFO } from './system-struct.js';

const EXPRESSIONS: Record<string, number> = {
  'sizeof(ucontext_t) > 0': 1,
  'offsetof(ucontext_t, uc_flags)': frame.UC_FLAGS,
  'offsetof(ucontext_t, uc_link)': frame.UC_LINK,
  'offsetof(ucontext_t, uc_stack)': frame.UC_STACK,
  'offsetof(ucontext_t, uc_mcontext)': frame.UC_MCONTEXT,
  'offsetof(ucontext_t, uc_sigmask)': frame.UC_SIGMASK,
  'offsetof(stack_t, ss_sp)': frame.SS_SP,
  'offsetof(stack_t, ss_flags)': frame.SS_FLAGS,
  'offsetof(stack_t, ss_size)': frame.SS_SIZE,
  'offsetof(struct sigcontext, cs)': frame.SC_CS,
  'offsetof(struct sigcontext, gs)': frame.SC_GS,
  'offsetof(struct sigcontext, fs)': frame.SC_FS,
  'offsetof(struct sigcontext, err)': frame.SC_ERR,
  'offsetof(struct sigcontext, trapno)': frame.SC_TRAPNO,
  'offsetof(struct sigcontext, oldmask)': frame.SC_OLDMASK,
  'offsetof(struct sigcontext, cr2)': frame.SC_CR2,
  'offsetof(struct sigcontext, fpstate)': frame.SC_FPSTATE,
  'offsetof(struct sigcontext, rip)': 16 * 8,
  'offsetof(struct sigcontext, eflags)': 17 * 8,
  'sizeof(struct sigcontext)': frame.UC_SIGMASK - frame.UC_MCONTEXT,
  'offsetof(struct _fpstate, mxcsr)': frame.FP_MXCSR,
  'sizeof(struct _fpstate)': frame.FXSAVE_SIZE,
  'sizeof(siginfo_t)': 128,
  'offsetof(siginfo_t, si_pid)': 16,
  'offsetof(siginfo_t, si_value)': 24,
  'offsetof(siginfo_t, si_status)': 24,
  'offsetof(siginfo_t, si_utime)': 32,
  'offsetof(siginfo_t, si_addr)': 16,
  'offsetof(siginfo_t, si_overrun)': 20,
  'sizeof(struct sigevent)': SIGEVENT.size,
  'offsetof(struct sigevent, sigev_signo)': SIGEVENT.offsets.signo,
  'offsetof(struct sigevent, sigev_notify)': SIGEVENT.offsets.notify,
  'sizeof(struct tms)': TMS.size,
  'sizeof(struct sysinfo)': SYSINFO.size,
  'offsetof(struct sysinfo, procs)': SYSINFO.offsets.procs,
  'offsetof(struct sysinfo, totalhigh)': SYSINFO.offsets.totalhigh,
  'offsetof(struct sysinfo, mem_unit)': SYSINFO.offsets.memUnit,
  'sizeof(struct rlimit)': RLIMIT.size,
  'sizeof(struct __user_cap_header_struct)': CAP_HEADER.size,
  'sizeof(struct __user_cap_data_struct)': CAP_DATA.size,
};

test('offsets and sizes are those of the C headers', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'layout-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const lines = Object.keys(EXPRESSIONS).map((text) => `printf("%ld\\n", (long)(${text}));`);
  const headers = ['stdio.h', 'stddef.h', 'signal.h', 'ucontext.h', 'sys/times.h', 'sys/sysinfo.h', 'sys/resource.h', 'linux/capability.h'];
  const source = `#define _GNU_SOURCE\n${headers.map((name) => `#include <${name}>\n`).join('')}int main(void) { ${lines.join('\n')} return 0; }\n`;
  writeFileSync(join(directory, 'layout.c'), source);
  try {
    execFileSync('cc', ['-w', '-o', join(directory, 'layout'), join(directory, 'layout.c')], { stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return t.skip('no C compiler');
    throw error;
  }
  const values = execFileSync(join(directory, 'layout'), { encoding: 'utf8' }).trim().split('\n').map(Number);
  assert.deepEqual(Object.fromEntries(Object.keys(EXPRESSIONS).map((text, i) => [text, values[i]])), EXPRESSIONS);
});

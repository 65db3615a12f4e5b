/** Offsets of what the host writes into a signal frame and what ptrace moves, against the C headers. */
import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as frame from './sigframe.js';
import { USER_REGS } from './user-regs.js';

/** Values of C expressions, by a program compiled here. */
function evaluate(headers: readonly string[], expressions: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'skas-abi-'));
  const source = join(folder, 'offsets.c');
  const prints = expressions.map((expression) => `printf("%zu\\n", (size_t)(${expression}));`);
  writeFileSync(source, `${headers.map((h) => `#include <${h}>\n`).join('')}int main(void) { ${prints.join(' ')} return 0; }\n`);
  const compiled = spawnSync('cc', ['-o', join(folder, 'offsets'), source], { encoding: 'utf8' });
  if (compiled.error ?? compiled.status !== 0) throw new Error(`a C compiler is needed for this test: ${compiled.stderr}`);
  const { stdout } = spawnSync(join(folder, 'offsets'), { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return stdout.trim().split('\n').map(Number);
}

const skip = spawnSync('cc', ['--version']).error ? 'no C compiler' : false;

test('struct user_regs_struct', { skip }, () => {
  const cNames: Record<string, string> = { origRax: 'orig_rax', fsBase: 'fs_base', gsBase: 'gs_base' };
  const fields = Object.keys(USER_REGS.offsets) as (keyof typeof USER_REGS.offsets)[];
  const names = fields.map((field) => `offsetof(struct user_regs_struct, ${cNames[field] ?? field})`);
  const values = evaluate(['stddef.h', 'stdio.h', 'sys/user.h'], [...names, 'sizeof(struct user_regs_struct)']);
  fields.forEach((field, index) => void equal(USER_REGS.offsets[field], values[index], field));
  equal(USER_REGS.size, values.at(-1));
});

test('sigcontext, ucontext and the extended state behind them', { skip }, () => {
  const cases: readonly (readonly [number, string])[] = [
    [frame.SC_CS, 'offsetof(struct sigcontext, cs)'],
    [frame.SC_GS, 'offsetof(struct sigcontext, gs)'],
    [frame.SC_FS, 'offsetof(struct sigcontext, fs)'],
    [frame.SC_SS, 'offsetof(struct sigcontext, ss)'],
    [frame.SC_ERR, 'offsetof(struct sigcontext, err)'],
    [frame.SC_TRAPNO, 'offsetof(struct sigcontext, trapno)'],
    [frame.SC_OLDMASK, 'offsetof(struct sigcontext, oldmask)'],
    [frame.SC_CR2, 'offsetof(struct sigcontext, cr2)'],
    [frame.SC_FPSTATE, 'offsetof(struct sigcontext, fpstate)'],
    [frame.UC_FLAGS, 'offsetof(struct ucontext, uc_flags)'],
    [frame.UC_LINK, 'offsetof(struct ucontext, uc_link)'],
    [frame.UC_STACK, 'offsetof(struct ucontext, uc_stack)'],
    [frame.UC_MCONTEXT, 'offsetof(struct ucontext, uc_mcontext)'],
    [frame.UC_SIGMASK, 'offsetof(struct ucontext, uc_sigmask)'],
    [frame.UCONTEXT_SIZE, 'sizeof(struct ucontext)'],
    [frame.FRAME_INFO, '8 + sizeof(struct ucontext)'],
    [frame.FRAME_SIZE, '8 + sizeof(struct ucontext) + sizeof(siginfo_t)'],
    [frame.FP_MXCSR, 'offsetof(struct _fpstate, mxcsr)'],
    [frame.FP_SW_RESERVED, 'offsetof(struct _fpstate, sw_reserved)'],
    [frame.SW_MAGIC1, 'offsetof(struct _fpstate, sw_reserved.magic1)'],
    [frame.SW_EXTENDED_SIZE, 'offsetof(struct _fpstate, sw_reserved.extended_size)'],
    [frame.SW_XFEATURES, 'offsetof(struct _fpstate, sw_reserved.xfeatures)'],
    [frame.SW_XSTATE_SIZE, 'offsetof(struct _fpstate, sw_reserved.xstate_size)'],
    [frame.FXSAVE_SIZE, 'sizeof(struct _fpstate)'],
    [frame.XSAVE_HEADER, 'offsetof(struct _xstate, xstate_hdr)'],
    [frame.XSAVE_HEADER_END, 'offsetof(struct _xstate, ymmh)'],
    [frame.FP_XSTATE_MAGIC1, 'FP_XSTATE_MAGIC1'],
    [frame.FP_XSTATE_MAGIC2, 'FP_XSTATE_MAGIC2'],
  ];
  // The kernel's own headers: libc's ucontext differs.
  const headers = ['stddef.h', 'stdio.h', 'asm/sigcontext.h', 'asm/signal.h', 'asm/siginfo.h', 'asm/ucontext.h'];
  const values = evaluate(
    headers,
    cases.map(([, expression]) => expression),
  );
  cases.forEach(([value, expression], index) => void equal(value, values[index], expression));
});

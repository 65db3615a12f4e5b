/** Every form that the assembler emits, compared with what objdump makes of the bytes. */
import { equal, throws } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Assembler } from './assembler.js';
import {
  at,
  eax,
  ecx,
  mem,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r8,
  r8d,
  r9,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Register,
} from './operands.js';

/** Intel-syntax text of each instruction, spaces normalized; addresses as in a file loaded at 0. */
function disassemble(code: Uint8Array): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'skas-asm-'));
  const file = join(folder, 'code');
  writeFileSync(file, code);
  const arguments_ = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn', file];
  const { stdout, status, error } = spawnSync('objdump', arguments_, { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  if (error ?? status !== 0) throw new Error(`objdump: ${error?.message ?? status}`);
  const lines = stdout.split('\n').filter((line) => /^ +[0-9a-f]+:\t/.test(line));
  return lines.map((line) =>
    line
      .slice(line.indexOf('\t') + 1)
      .replace(/ *#.*$/, '')
      .replace(/ <.*>/, '')
      .replace(/\s+/g, ' ')
      .trim(),
  );
}

const skip = spawnSync('objdump', ['--version']).error ? 'no objdump (binutils)' : false;

type Emit = (a: Assembler) => unknown;

function check(cases: readonly (readonly [Emit, string])[]): void {
  const a = new Assembler();
  for (const [emit] of cases) emit(a);
  const got = disassemble(a.assemble());
  cases.forEach(([, expected], index) => void equal(got[index], expected));
  equal(got.length, cases.length);
}

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const REGISTERS: Register[] = [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15];

/** As objdump prints a memory operand. */
function memoryText(base: string, displacement: number): string {
  if (displacement === 0) return base === 'rbp' || base === 'r13' ? `[${base}+0x0]` : `[${base}]`;
  return `[${base}${displacement < 0 ? '-' : '+'}0x${Math.abs(displacement).toString(16)}]`;
}

test('moves between every pair of registers', { skip }, () => {
  const cases = REGISTERS.flatMap((to, i) =>
    REGISTERS.map((from, j): [Emit, string] => [(a) => a.mov(to, from), `mov ${NAMES[i]},${NAMES[j]}`]),
  );
  check(cases);
});

test('memory operands with every base and size of displacement', { skip }, () => {
  const cases: [Emit, string][] = [];
  REGISTERS.forEach((base, i) => {
    for (const displacement of [0, 1, -1, 127, 128, -128, -129, 0x12345, -0x7fffffff]) {
      const text = memoryText(NAMES[i]!, displacement);
      cases.push([(a) => a.mov(r9, mem(base, displacement)), `mov r9,QWORD PTR ${text}`]);
      cases.push([(a) => a.store(mem(base, displacement), rdx), `mov QWORD PTR ${text},rdx`]);
      cases.push([(a) => a.lea(r15, mem(base, displacement)), `lea r15,${text}`]);
      cases.push([(a) => a.store(mem(base, displacement), r8d), `mov DWORD PTR ${text},r8d`]);
    }
  });
  check(cases);
});

test('immediates take the shortest form with the same value', { skip }, () => {
  check([
    [(a) => a.mov(rax, 0), 'mov eax,0x0'],
    [(a) => a.mov(r12, 0xffff_ffff), 'mov r12d,0xffffffff'],
    [(a) => a.mov(rax, -1), 'mov rax,0xffffffffffffffff'],
    [(a) => a.mov(r10, -0x8000_0000), 'mov r10,0xffffffff80000000'],
    [(a) => a.mov(rbx, 0x1_0000_0000), 'movabs rbx,0x100000000'],
    [(a) => a.mov(r11, 0xdead_beef_cafe_f00dn), 'movabs r11,0xdeadbeefcafef00d'],
    [(a) => a.mov(ecx, 7), 'mov ecx,0x7'],
    [(a) => a.storeImmediate(mem(rsp, 8), -2), 'mov QWORD PTR [rsp+0x8],0xfffffffffffffffe'],
    [(a) => a.storeImmediate(mem(r13), 5, 32), 'mov DWORD PTR [r13+0x0],0x5'],
  ]);
  throws(() => new Assembler().mov(eax, 0x1_0000_0000));
  throws(() => new Assembler().add(rax, 0x8000_0000));
});

test('arithmetic with registers, immediates and memory', { skip }, () => {
  const cases: [Emit, string][] = [];
  for (const name of ['add', 'or', 'and', 'sub', 'xor', 'cmp'] as const) {
    cases.push([(a) => a[name](rbx, r14), `${name} rbx,r14`]);
    cases.push([(a) => a[name](r14, rbx), `${name} r14,rbx`]);
    cases.push([(a) => a[name](eax, ecx), `${name} eax,ecx`]);
    cases.push([(a) => a[name](r9, 0x7f), `${name} r9,0x7f`]);
    cases.push([(a) => a[name](r9, -128), `${name} r9,0xffffffffffffff80`]);
    cases.push([(a) => a[name](rsi, 0x1234), `${name} rsi,0x1234`]);
    cases.push([(a) => a[name](rdi, -4095), `${name} rdi,0xfffffffffffff001`]);
    cases.push([(a) => a[name](rdx, mem(r12, 16)), `${name} rdx,QWORD PTR [r12+0x10]`]);
  }
  cases.push([(a) => a.test(r8, rax), 'test r8,rax']);
  cases.push([(a) => a.inc(r9), 'inc r9'], [(a) => a.dec(rcx), 'dec rcx'], [(a) => a.neg(r15), 'neg r15']);
  cases.push([(a) => a.shl(rdx, 32), 'shl rdx,0x20'], [(a) => a.shr(r8, 5), 'shr r8,0x5']);
  cases.push([(a) => a.mul(rbx), 'mul rbx'], [(a) => a.div(r11), 'div r11'], [(a) => a.imul(rax, r9), 'imul rax,r9']);
  cases.push([(a) => a.lockXadd(mem(rbx), rcx), 'lock xadd QWORD PTR [rbx],rcx']);
  cases.push([(a) => a.lockCmpxchg(mem(r9, 4), r8d), 'lock cmpxchg DWORD PTR [r9+0x4],r8d']);
  cases.push([(a) => a.xchg(mem(rsi, 8), eax), 'xchg DWORD PTR [rsi+0x8],eax']);
  check(cases);
});

test('other instructions', { skip }, () => {
  check([
    [(a) => a.push(rbp), 'push rbp'],
    [(a) => a.push(r12), 'push r12'],
    [(a) => a.pop(rdi), 'pop rdi'],
    [(a) => a.pop(r15), 'pop r15'],
    [(a) => a.movzxByte(rax, mem(rsi, 1)), 'movzx rax,BYTE PTR [rsi+0x1]'],
    [(a) => a.storeByte(mem(rdi), rsi), 'mov BYTE PTR [rdi],sil'],
    [(a) => a.storeByte(mem(r10), r8), 'mov BYTE PTR [r10],r8b'],
    [(a) => a.jmp(rax), 'jmp rax'],
    [(a) => a.jmp(r11), 'jmp r11'],
    [(a) => a.jmp(mem(rdx, 8)), 'jmp QWORD PTR [rdx+0x8]'],
    [(a) => a.call(r9), 'call r9'],
    [(a) => a.ret(), 'ret'],
    [(a) => a.syscall(), 'syscall'],
    [(a) => a.int3(), 'int3'],
    [(a) => a.int(0x80), 'int 0x80'],
    [(a) => a.nop(), 'nop'],
    [(a) => a.pause(), 'pause'],
    [(a) => a.ud2(), 'ud2'],
    [(a) => a.hlt(), 'hlt'],
    [(a) => a.cld(), 'cld'],
    [(a) => a.std(), 'std'],
    [(a) => a.pushfq(), 'pushf'],
    [(a) => a.popfq(), 'popf'],
    [(a) => a.lahf(), 'lahf'],
    [(a) => a.sahf(), 'sahf'],
    [(a) => a.setoAl(), 'seto al'],
    [(a) => a.addAl(0x7f), 'add al,0x7f'],
    [(a) => a.cpuid(), 'cpuid'],
    [(a) => a.xgetbv(), 'xgetbv'],
    [(a) => a.rdtsc(), 'rdtsc'],
    [(a) => a.rdtscp(), 'rdtscp'],
    [(a) => a.lfence(), 'lfence'],
    [(a) => a.rdfsbase(r9), 'rdfsbase r9'],
    [(a) => a.wrfsbase(rax), 'wrfsbase rax'],
    [(a) => a.rdgsbase(rbx), 'rdgsbase rbx'],
    [(a) => a.wrgsbase(r15), 'wrgsbase r15'],
    [(a) => a.repMovsb(), 'rep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]'],
    [(a) => a.repStosb(), 'rep stos BYTE PTR es:[rdi],al'],
    [(a) => a.movqToXmm(3, r8), 'movq xmm3,r8'],
    [(a) => a.movqFromXmm(rdi, 7), 'movq rdi,xmm7'],
    [(a) => a.vpbroadcastq(3, 5), 'vpbroadcastq ymm3,xmm5'],
    [(a) => a.vextractf128High(4, 3), 'vextractf128 xmm4,ymm3,0x1'],
    [(a) => a.ldmxcsr(mem(rbx)), 'ldmxcsr DWORD PTR [rbx]'],
    [(a) => a.stmxcsr(mem(r9, 8)), 'stmxcsr DWORD PTR [r9+0x8]'],
  ]);
});

test('labels before and behind, every condition, data and alignment', { skip }, () => {
  const conditions = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'l', 'ge', 'le', 'g'] as const;
  const a = new Assembler();
  a.label('start');
  for (const condition of conditions) a.j(condition, 'start');
  a.jmp('end').call('start').lea(rdx, at('end')).mov(rax, at('start')).store(at('end'), r9).storeImmediate(at('end'), 1);
  a.label('end').nop();
  const text = disassemble(a.assemble());
  const end = `0x${a.offsetOf('end').toString(16)}`;
  conditions.forEach((condition, index) => void equal(text[index], `j${condition} 0x0`));
  const rest = text.slice(conditions.length).map((line) => line.replace(/\[rip.*?\]/, '[rip]'));
  const expected = [`jmp ${end}`, 'call 0x0', 'lea rdx,[rip]', 'mov rax,QWORD PTR [rip]', 'mov QWORD PTR [rip],r9'];
  equal(rest.join('; '), [...expected, 'mov QWORD PTR [rip],0x1', 'nop'].join('; '));
  // The displacement itself: relative to the instruction's end, its immediate included.
  const b = new Assembler().storeImmediate(at('x'), 1).label('x').assemble();
  equal(new DataView(b.buffer).getInt32(3, true), 0);
  const c = new Assembler().byte(1).align(8, 0).qword(-2).dword(7);
  equal(Buffer.from(c.assemble()).toString('hex'), '0100000000000000feffffffffffffff07000000');
  throws(() => new Assembler().jmp('nowhere').assemble());
  throws(() => new Assembler().label('x').label('x'));
});

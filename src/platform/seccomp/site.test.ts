/** Which bytes count as a system call site, and what the patch makes of them. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { compareFlags, FIRST_ERRNO } from './frame-words.js';
import { recognizeSite, writeJump, type Site } from './site.js';

const FILLER = [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90];

const LONG_FILLER = new Array<number>(80).fill(0x90);

/** What is recognized in a page that begins with these bytes, the call at their end. */
function look(bytes: readonly number[], nr: number): Site | undefined {
  const page = new Uint8Array(4096).fill(0x90);
  page.set(bytes);
  return recognizeSite(page, bytes.length, nr);
}

const MOV39 = [0xb8, 39, 0, 0, 0, 0x0f, 0x05];

test('sites: mov to eax, mov to rax, the syscall function', () => {
  deepEqual(look([...FILLER, ...MOV39], 39), { start: 8, nr: 39, compares: false });
  deepEqual(look([...FILLER, 0x48, 0xc7, 0xc0, 39, 0, 0, 0, 0x0f, 0x05], 39), { start: 8, nr: 39, compares: false });
  deepEqual(look([...FILLER, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05], 7), { start: 8, nr: -1, compares: false });
});

test('sites: read with its comparison', () => {
  const page = new Uint8Array(4096).fill(0x90);
  page.set([0x74, 0x10, 0x31, 0xc0, 0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff], 100);
  deepEqual(recognizeSite(page, 106, 0), { start: 102, nr: 0, compares: true });
  equal(recognizeSite(page, 106, 1), undefined);
  page[101] = 0x45; // xor %r8d, %r8d
  equal(recognizeSite(page, 106, 0), undefined);
  page[101] = 0x10;
  page[108] = 0x01; // another number
  equal(recognizeSite(page, 106, 0), undefined);
  const last = page.subarray(0, 111); // the comparison goes on in the next page
  equal(recognizeSite(last, 106, 0), undefined);
});

test('the comparison of libc, as the processor makes it', () => {
  const results: readonly (readonly [bigint, number])[] = [
    [0n, 0x1 | 0x4], // CF, PF
    [5n, 0x1 | 0x4],
    [0xffff_ffff_ffff_f000n, 0x40 | 0x4],
    [0xffff_ffff_ffff_fffcn, 0x4],
    [0xffff_ffff_ffff_ffffn, 0x4],
    [0xffff_ffff_ffff_efffn, 0x1 | 0x80 | 0x4],
    [0x7fff_ffff_ffff_f000n, 0x1 | 0x80 | 0x800 | 0x4],
  ];
  for (const [rax, flags] of results) equal(compareFlags(rax, FIRST_ERRNO), flags, rax.toString(16));
});

test('no sites: another number, no call, cut by the page, unknown forms', () => {
  equal(look([...FILLER, ...MOV39], 40), undefined);
  equal(look([...FILLER, 0xb8, 39, 0, 0, 0, 0x0f, 0x0b], 39), undefined);
  equal(look([39, 0, 0, 0, 0x0f, 0x05], 39), undefined);
  equal(look([0xc0, 39, 0, 0, 0, 0x0f, 0x05], 39), undefined);
  equal(look(MOV39, 39), undefined); // what comes before is not known
  equal(look([...FILLER, 0xbb, 39, 0, 0, 0, 0x0f, 0x05], 39), undefined);
  equal(look([...FILLER, 0x0f, 0x05], 0x90909090), undefined);
});

test('no sites: the bytes may be the end of a longer instruction', () => {
  const before: readonly (readonly number[])[] = [
    [0x41], // mov $39, %r8d
    [0x66],
    [0x8d], // lea 39(%rax), %edi
    [0x0f, 0x1f], // nopl 39(%rax)
    [0x41, 0x39], // cmp %edi, 39(%r8)
    [0x41, 0x0f, 0xb6], // movzbl 39(%r8), %edi
    [0x8b, 0x84], // mov 39(%rax, %rdi, 4), %eax
    [0xc7, 0x45], // movl $39, -72(%rbp)
    [0xc7, 0x44, 0x24], // movl $39, -72(%rsp)
    [0xc7, 0x04], // movl $39, (%rax, %rdi, 4)
    [0x81, 0x7d], // cmpl $39, -72(%rbp)
    [0xc7, 0x83, 0x01, 0x02, 0x03], // movl $39, far(%rbx)
    [0xc7, 0x05, 0x01, 0x02, 0x03], // movl $39, far(%rip)
    [0xc7, 0x84, 0x24, 0x01, 0x02, 0x03], // movl $39, far(%rsp)
    [0x48, 0xbb, 0x01, 0x02, 0x03], // movabs $..., %rbx
    [0xc5, 0xf8, 0x10], // vmovups 39(%rax), %xmm7
  ];
  for (const bytes of before) equal(look([...FILLER, ...bytes, ...MOV39], 39), undefined, bytes.map((b) => b.toString(16)).join(' '));
  for (const bytes of before) equal(look([...LONG_FILLER, ...bytes, ...MOV39], 39), undefined, bytes.map((b) => b.toString(16)).join(' '));
});

test('sites: what comes before could be a beginning, but decoded from anywhere it is not', () => {
  const before: readonly (readonly number[])[] = [
    [0x74, 0x26], // je; 26 is a prefix
    [0x31, 0xc0, 0x83, 0xfe, 0x09, 0x74, 0x26],
    [0x48, 0x39, 0xc2, 0x48, 0x0f, 0x47, 0xd0], // cmp, cmova; sarb 39(%r8)
    [0x49, 0x89, 0xca, 0x74, 0x14],
    [0x5f], // pop %rdi
  ];
  for (const bytes of before) {
    const site = { start: LONG_FILLER.length + bytes.length, nr: 39, compares: false };
    deepEqual(look([...LONG_FILLER, ...bytes, ...MOV39], 39), site, bytes.map((b) => b.toString(16)).join(' '));
  }
  // Read from its second byte on, the cmova is the sarb: nothing before says which it is.
  equal(look([...LONG_FILLER.slice(8), 0x0f, 0x0f, 0x47, 0xd0, ...MOV39], 39), undefined);
  equal(look([...new Array<number>(64).fill(0xb8), 0x74, 0x26, ...MOV39], 39), undefined);
});

test('sites behind the instructions that usually come before', () => {
  const before: readonly (readonly number[])[] = [
    [0x49, 0x89, 0xca], // mov %rcx, %r10
    [0xf3, 0x0f, 0x1e, 0xfa], // endbr64
    [0x45, 0x31, 0xc0], // xor %r8d, %r8d
    [0x48, 0x89, 0xdf], // mov %rbx, %rdi
    [0xbf, 1, 0, 0, 0], // mov $1, %edi
    [0x31, 0xd2],
    [0x74, 0x10],
    [0x4c, 0x8d, 0x44, 0x24, 0x10], // lea 16(%rsp), %r8
  ];
  for (const bytes of before) {
    deepEqual(
      look([...FILLER, ...bytes, ...MOV39], 39),
      { start: 8 + bytes.length, nr: 39, compares: false },
      bytes.map((b) => b.toString(16)).join(' '),
    );
  }
});

test('the jump leaves bytes that do not decode where the call was', () => {
  const page = new Uint8Array(4096);
  page.set([...FILLER, ...MOV39]);
  writeJump(page, { start: 8, nr: 39, compares: false }, 0x6_4038);
  deepEqual([...page.subarray(8, 15)], [0xff, 0x24, 0x25, 0x38, 0x40, 0x06, 0x00]);
});

/**
 * Which calls --strace shows: names, and the groups that strace has (`%file`, `%desc`, `%process`, `%memory`, `%signal`,
 * `%network`); a leading `!` shows all but these. The groups of files and descriptors follow from the argument descriptors.
 */
import { NR } from '../abi/syscall-numbers.js';
import type { ArgumentFormat, SyscallDefinition } from '../kernel/syscall.js';

const GROUPS: Readonly<Record<string, RegExp>> = {
  process: /^(fork|vfork|clone3?|execve(at)?|exit(_group)?|wait4|waitid|kill|tkill|tgkill|pidfd_.*|rt_(tg)?sigqueueinfo)$/,
  memory: /^(mmap|munmap|mprotect|mremap|madvise|brk|mincore|msync|m(un)?lock.*|mbind|mseal|(get|set)_mempolicy)$/,
  signal: /^(rt_sig.*|sigaltstack|kill|tkill|tgkill|pause|signalfd4?|pidfd_send_signal)$/,
  network: /^(socket(pair)?|bind|listen|accept4?|connect|get(sock|peer)name|send(to|msg|mmsg)|recv(from|msg|mmsg)|shutdown|[gs]etsockopt)$/,
};

const DESCRIBED: Readonly<Record<string, ReadonlySet<ArgumentFormat['kind']>>> = {
  file: new Set(['path']),
  desc: new Set(['fd', 'dirfd']),
};

export type CallFilter = (name: string, definition: SyscallDefinition | undefined) => boolean;

/** `words`: undefined for all calls. */
export function callFilter(words: readonly string[] | undefined): CallFilter {
  if (words === undefined || words.length === 0) return () => true;
  const negated = words[0]!.startsWith('!');
  const list = words.map((word, index) => (index === 0 && negated ? word.slice(1) : word));
  const known = new Map<string, boolean>();
  return (name, definition) => {
    let shown = known.get(name);
    if (shown === undefined) {
      shown = list.some((word) => matches(word, name, definition)) !== negated;
      known.set(name, shown);
    }
    return shown;
  };
}

/** The first word that is neither the name of a call of x86-64 Linux nor a group. */
export function unknownWord(words: readonly string[]): string | undefined {
  return words.find((given, index) => {
    const word = index === 0 ? given.replace(/^!/, '') : given;
    const group = word.slice(1);
    return word.startsWith('%') ? !Object.hasOwn(DESCRIBED, group) && !Object.hasOwn(GROUPS, group) : !Object.hasOwn(NR, word);
  });
}

function matches(word: string, name: string, definition: SyscallDefinition | undefined): boolean {
  if (!word.startsWith('%')) return word === name;
  const group = word.slice(1);
  const kinds = DESCRIBED[group];
  if (kinds !== undefined) return definition?.args.some((argument) => kinds.has(argument.format.kind)) ?? false;
  return GROUPS[group]?.test(name) ?? false;
}

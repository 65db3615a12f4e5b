/** Command lines whose output and exit code under skas must be those of the host. */
import { spawnSync } from 'node:child_process';
import type { ConformanceCase } from '../support/cases.js';

const SCRIPTS = 'scripts';
const PROJECT = 'project';
const LONG_MS = 240_000;

const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['dash', ['dash']],
  ['bash', ['bash']],
  ['busybox sh', ['busybox', 'sh']],
];

function shellCases(): ConformanceCase[] {
  const common = ['pipelines', 'control', 'jobs'];
  const cases = SHELLS.flatMap(([shell, argv]) =>
    common.map((script) => ({
      name: `${shell}: ${script}`,
      argv: [...argv, `${SCRIPTS}/${script}.sh`],
      needs: [argv[0]!],
      files: [SCRIPTS],
    })),
  );
  const bash = ['bash-only', 'tools', 'git'].map((script) => ({
    name: `bash: ${script}`,
    argv: ['bash', `${SCRIPTS}/${script}.sh`],
    needs: ['bash', ...(script === 'git' ? ['git'] : ['perl', 'gawk', 'bc', 'xz'])],
    files: [SCRIPTS],
    timeoutMs: 120_000,
  }));
  return [...cases, ...bash];
}

/** Only where the host lets its users have namespaces. */
function namespaceCases(): ConformanceCase[] {
  const allowed = spawnSync('unshare', ['-Urpf', '--mount-proc', 'true']).status === 0;
  const needs = ['unshare', 'nsenter', 'bwrap', 'pgrep', 'ipcmk'];
  const script = (name: string, tools: readonly string[]): ConformanceCase => {
    return { name, argv: ['bash', `${SCRIPTS}/${name}.sh`], needs: tools, files: [SCRIPTS], timeoutMs: 60_000 };
  };
  return allowed ? [script('namespaces', needs), script('networks', ['unshare', 'bwrap', 'ip', 'python3'])] : [];
}

/** One-liners: a shell's answers to odd situations, and programs that look at the whole system. */
function lineCases(): ConformanceCase[] {
  const line = (name: string, text: string, needs: readonly string[] = [], timeoutMs?: number): ConformanceCase => ({
    name,
    argv: ['sh', '-c', text],
    needs,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return [
    line('find /usr | sort | sha256sum', 'find /usr -type f | sort | sha256sum', [], LONG_MS),
    line('tar of /usr/share/doc', 'tar cf - /usr/share/doc | sha256sum', ['tar'], LONG_MS),
    line('ls -lR /usr/lib', 'ls -lR /usr/lib | sha256sum', [], LONG_MS),
    line('exit code', 'exit 42'),
    line('ended by a signal', 'kill -TERM $$'),
    line('segmentation fault', 'kill -SEGV $$'),
    line('a program that does not exist', 'exec /no/such/program'),
    line('a large output', 'seq 1 300000'),
    line('output after close', 'exec >&-; echo lost'),
    line('stderr order', 'echo out; echo err >&2; echo out2'),
    line('environment', 'env | LC_ALL=C sort | grep -v -e "^_=" -e "^PWD="'),
    line('deep process tree', 'sh -c "sh -c \\"sh -c \'echo deep; exit 5\'\\"; exit \\$?"; echo $?'),
    line('many short processes', 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done; echo $i'),
    line(
      'busybox applets',
      'for a in "ls /usr" "uname -s" "seq 3" "md5sum /etc/passwd" "wc /etc/passwd" "sort -r /etc/passwd"; do busybox $a; done',
      ['busybox'],
    ),
    line(
      'busybox awk and vi-less tools',
      "busybox seq 10 | busybox awk '{s+=$1} END {print s}'; busybox tar cf - /etc/passwd 2>/dev/null | busybox tar tf -",
      ['busybox'],
    ),
    line('ldd and ld.so', '/lib64/ld-linux-x86-64.so.2 --list /bin/true | wc -l; LD_PRELOAD=/no/such.so /bin/echo preloaded 2>/dev/null'),
    line('ps of itself', 'ps -o comm=,stat=,tty= -p $$ | tr -d " "; ps -o ppid= -p $$ >/dev/null && echo ok', ['ps']),
    line('CPUs', 'nproc; grep -c ^processor /proc/cpuinfo; taskset -c 0 nproc', ['taskset']),
    line('whole files through', 'cat /usr/bin/* | head -c 30000000 | sha256sum'),
  ];
}

/** This very node, wherever a version manager has put it. */
function node(given: Omit<ConformanceCase, 'needs'>): ConformanceCase {
  const { execPath } = process;
  return { ...given, argv: [execPath, ...given.argv], needs: [], skasOptions: ['-v', `${execPath}:${execPath}:ro`] };
}

function programCases(): ConformanceCase[] {
  const python = (script: string): ConformanceCase => ({
    name: `python3: ${script}`,
    argv: ['/usr/bin/python3', '-Bu', `${SCRIPTS}/${script}.py`],
    needs: ['/usr/bin/python3'],
    files: [SCRIPTS],
    timeoutMs: 120_000,
  });
  return [
    ...['subprocesses', 'threads', 'data', 'file-calls', 'file-permissions', 'file-tools', 'network', 'terminal'].map(python),
    {
      name: 'python3 from stdin',
      argv: ['/usr/bin/python3', '-'],
      needs: ['/usr/bin/python3'],
      stdin: 'import sys; print(sys.version_info[0], sys.argv)\n',
    },
    ...namespaceCases(),
    { name: 'cat of stdin', argv: ['cat'], needs: [], stdin: 'x'.repeat(500_000) },
    {
      name: 'sqlite3: 100,000 rows',
      argv: ['sh', '-c', `sqlite3 test.db < ${SCRIPTS}/sqlite.sql`],
      needs: ['sqlite3'],
      files: [SCRIPTS],
      timeoutMs: 120_000,
    },
    {
      name: 'gcc and make of a C project',
      argv: ['bash', '-c', `cp ${PROJECT}/* . && bash ${SCRIPTS}/build.sh`],
      needs: ['gcc', 'make', 'objdump'],
      files: [SCRIPTS, PROJECT],
      timeoutMs: 120_000,
    },
    {
      name: 'strace and gdb of a program',
      argv: ['sh', `${SCRIPTS}/debug.sh`],
      needs: ['gcc', 'strace', 'gdb'],
      files: [SCRIPTS],
      timeoutMs: 120_000,
    },
    node({ name: 'node', argv: [`${SCRIPTS}/node.js`], files: [SCRIPTS], timeoutMs: 120_000 }),
    node({ name: 'node: network', argv: [`${SCRIPTS}/network.js`], files: [SCRIPTS] }),
    node({ name: 'node -e', argv: ['-e', 'console.log([1, 2].map((x) => x * 2)); process.exit(3)'] }),
    { name: 'static Go program', argv: ['./goroutines'], needs: ['go'], files: ['goroutines'] },
  ];
}

export function conformanceCases(): ConformanceCase[] {
  return [...shellCases(), ...lineCases(), ...programCases()];
}

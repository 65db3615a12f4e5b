/** A process that main asked for, on the kernel's side: starts it, bridges its streams, tells of its end. */
import { isErr, type Errno } from '../base/brands.js';
import { fromText } from '../base/bytes.js';
import { EACCES, ENOENT, ENOTDIR, ERRNO_NAMES } from '../abi/errno.js';
import { O_RDONLY, O_RDWR, O_WRONLY } from '../abi/fcntl.js';
import { RLIMIT_CPU, RLIMIT_NOFILE } from '../abi/resource.js';
import type { DevptsFs } from '../fs/devpts/devpts-fs.js';
import type { PtyMaster } from '../fs/devpts/pty.js';
import { limitsReached, noteLimit } from '../kernel/limits-reached.js';
import type { Machine } from '../kernel/machine.js';
import { ResourceLimits } from '../kernel/resource-limits.js';
import { userInfo } from '../kernel/signals/signal-info.js';
import { sendToGroup } from '../kernel/signals/send.js';
import { spawnProcess } from '../kernel/spawn.js';
import type { ThreadGroup } from '../kernel/thread-group.js';
import { FdTable } from '../vfs/fd-table.js';
import { FsContext } from '../vfs/fs-context.js';
import type { OpenFile } from '../vfs/open-file.js';
import type { Path } from '../vfs/path.js';
import { inodePermission, MAY_EXEC } from '../vfs/permissions.js';
import { changeEnvironment } from './environment.js';
import { findProgram } from './find-program.js';
import { makeInputPipe, makeOutputPipe, type OutputBudget } from './guest-pipes.js';
import type { GuestTree } from './guest-tree.js';
import { InputBridge, OutputBridge, type OutputSink } from './host-stream.js';
import type { Limits } from './machine-options.js';
import type { KernelPort, KillTarget, SpawnFailure, SpawnRequest, TerminalSize, Usage } from './protocol.js';
import type { GuestUser } from './user.js';

const UMASK = 0o022;
/** Seconds between SIGXCPU and SIGKILL. */
const CPU_GRACE_SECONDS = 5;

/** What processes are started with. */
export interface GuestContext {
  readonly machine: Machine;
  readonly tree: GuestTree;
  readonly devpts: DevptsFs;
  readonly port: KernelPort;
  readonly limits: Limits;
  readonly env: ReadonlyMap<string, string>;
  readonly cwd: string;
  readonly user: GuestUser;
  findUser(text: string): GuestUser | undefined;
}

type OutputFd = 1 | 2;

/** Where to start a process: all that can be wrong has been checked. */
interface Place {
  user: GuestUser;
  cwd: Path;
  file: string;
  env: ReadonlyMap<string, string>;
}

export class GuestProcess {
  private readonly outputs = new Map<OutputFd, OutputBridge>();
  private input: InputBridge | undefined = undefined;
  private master: PtyMaster | undefined = undefined;
  private asked = false;
  private group!: ThreadGroup;
  private ended: { status: number; usage: Usage } | undefined = undefined;
  private readonly undrained = new Set<OutputFd>();

  private constructor(
    private readonly context: GuestContext,
    readonly id: number,
  ) {}

  /** Starts a process; it runs when the run loop comes to it. */
  static start(context: GuestContext, id: number, request: SpawnRequest): GuestProcess | SpawnFailure {
    const process = new GuestProcess(context, id);
    const place = prepare(context, request);
    if ('code' in place) return place;
    const failure = process.begin(request, place);
    if (!failure) return process;
    process.dispose();
    return failure;
  }

  /** The process itself: its end is told by its thread group. */
  get threadGroup(): ThreadGroup {
    return this.group;
  }
  get pid(): number {
    return this.group.pid;
  }

  private begin(request: SpawnRequest, place: Place): SpawnFailure | undefined {
    const { machine, tree } = this.context;
    const files = new FdTable();
    const opened = request.pty ? this.openTerminal(request, request.pty, place.user) : this.openStreams(request, files, place.user);
    if (isErr(opened)) return spawnFailure(opened, 'process', request.argv[0]!);
    const group = spawnProcess(machine, {
      file: fromText(place.file),
      argv: request.argv.map(fromText),
      envp: [...place.env].map(([name, value]) => fromText(`${name}=${value}`)),
      root: tree.root,
      cwd: place.cwd,
      umask: UMASK,
      cred: place.user.cred,
      files,
      limits: this.rlimits(request),
    });
    if (isErr(group)) {
      files.closeAll();
      return spawnFailure(group, 'program', request.argv[0]!);
    }
    this.group = group;
    return request.pty ? this.attachTerminal(files, request.argv[0]!) : undefined;
  }

  private rlimits({ limits: own }: SpawnRequest): ResourceLimits {
    const { limits } = this.context;
    const rlimits = ResourceLimits.defaults(limits.processes);
    const cpu = own?.cpuSeconds ?? limits.cpuSeconds;
    rlimits.set(RLIMIT_CPU, cpu, cpu + CPU_GRACE_SECONDS);
    const openFiles = own?.openFiles ?? limits.openFiles;
    rlimits.set(RLIMIT_NOFILE, Math.min(openFiles, 1024), openFiles);
    return rlimits;
  }

  private openStreams(request: SpawnRequest, files: FdTable, user: GuestUser): 0 | Errno {
    const { uid, gid } = user.cred;
    const budget = this.outputBudget(request);
    const output = (fd: OutputFd): OpenFile => {
      const [ours, theirs] = makeOutputPipe(uid, gid, budget);
      this.bridgeOutput(fd, ours);
      return theirs;
    };
    const stdin = request.stdin === 'null' ? this.openNull(O_RDONLY) : this.openInput(uid, gid);
    if (isErr(stdin)) return stdin;
    files.replace(0, stdin, false);
    const stdout = request.stdout === 'null' ? this.openNull(O_WRONLY) : output(1);
    if (isErr(stdout)) return stdout;
    files.replace(1, stdout, false);
    if (request.stderr === 'stdout') {
      stdout.references++;
      files.replace(2, stdout, false);
      return 0;
    }
    const stderr = request.stderr === 'null' ? this.openNull(O_WRONLY) : output(2);
    if (isErr(stderr)) return stderr;
    files.replace(2, stderr, false);
    return 0;
  }

  private outputBudget(request: SpawnRequest): OutputBudget {
    const { limits, machine } = this.context;
    return { left: request.limits?.outputBytes ?? limits.outputBytes, onSpent: () => noteLimit(machine.current.group, 'output') };
  }

  private openNull(flags: number): OpenFile | Errno {
    return this.context.tree.open('/dev/null', flags);
  }

  private openInput(uid: number, gid: number): OpenFile {
    const { port, machine } = this.context;
    const [theirs, ours] = makeInputPipe(uid, gid, () => {
      if (this.asked) return;
      this.asked = true;
      port.post({ type: 'stdin-wanted', id: this.id });
    });
    this.input = new InputBridge(machine, ours, () => port.post({ type: 'stdin-closed', id: this.id }));
    return theirs;
  }

  /** The master; the slave is opened once there is a process that it becomes the controlling terminal of. */
  private openTerminal(request: SpawnRequest, size: TerminalSize, user: GuestUser): 0 | Errno {
    const { devpts, machine, port } = this.context;
    const terminal = devpts.createTerminal(user.cred.uid);
    if (isErr(terminal)) return terminal;
    const { master } = terminal;
    this.master = master;
    master.tty.outputBudget = this.outputBudget(request);
    this.openSlave = terminal.openSlave;
    this.resize(size);
    this.bridgeOutput(1, master);
    master.references++;
    const want = (): void => port.post({ type: 'stdin-wanted', id: this.id });
    this.input = new InputBridge(machine, master, () => port.post({ type: 'stdin-closed', id: this.id }), want);
    want();
    return 0;
  }

  private openSlave: (flags: number) => OpenFile | Errno = () => ENOENT;

  private attachTerminal(files: FdTable, program: string): SpawnFailure | undefined {
    const { machine } = this.context;
    machine.current = this.group.leader!;
    const slave = this.openSlave(O_RDWR);
    if (isErr(slave)) {
      sendToGroup(this.group, userInfo(9, 0, 0));
      return spawnFailure(slave, 'process', program);
    }
    slave.references += 2;
    for (const fd of [0, 1, 2]) files.replace(fd, slave, false);
    return undefined;
  }

  private bridgeOutput(fd: OutputFd, file: OpenFile): void {
    const { port, machine } = this.context;
    const { id } = this;
    const sink: OutputSink = {
      data: (bytes) => port.post({ type: 'output', id, fd, bytes }, [bytes.buffer as ArrayBuffer]),
      end: () => {
        port.post({ type: 'output-end', id, fd });
        this.drained(fd);
      },
      drained: () => this.drained(fd),
    };
    this.outputs.set(fd, new OutputBridge(machine, file, sink));
  }

  // What main asks for.

  stdin(bytes: Uint8Array): void {
    this.asked = false;
    this.input?.push(bytes);
  }
  stdinEnd(): void {
    // On a terminal, the end of input is a key.
    if (this.master) this.input?.push(Uint8Array.of(this.master.tty.termios.cc[4]!));
    else this.input?.end();
  }
  consumed(fd: OutputFd, bytes: number): void {
    this.outputs.get(fd)?.giveCredit(bytes);
  }
  closeOutput(fd: OutputFd): void {
    this.outputs.get(fd)?.close();
  }
  resize(size: TerminalSize): void {
    this.master?.tty.resize({ row: size.rows, col: size.cols, xpixel: 0, ypixel: 0 });
  }

  kill(signal: number, target: KillTarget): void {
    if (signal === 0) return;
    const { pid } = this.group;
    for (const group of [...this.context.machine.groups.values()]) {
      const { processGroup } = group;
      const meant =
        target === 'process' ? group === this.group : target === 'group' ? processGroup.id === pid : processGroup.session.id === pid;
      if (meant) sendToGroup(group, userInfo(signal, 0, 0));
    }
  }

  // Its end.

  /** The process has ended; what it wrote goes out before main is told. */
  exited(): void {
    const { group } = this;
    this.ended = { status: group.exitStatus!, usage: usageOf(group) };
    for (const fd of this.outputs.keys()) this.undrained.add(fd);
    if (this.master) this.input?.close();
    else this.input?.end();
    for (const [fd, bridge] of this.outputs) {
      if (bridge.ended) this.drained(fd);
      else bridge.finish();
    }
    if (this.outputs.size === 0) this.tell();
  }

  private drained(fd: OutputFd): void {
    if (!this.ended || !this.undrained.delete(fd)) return;
    // A terminal hangs up when its session ends.
    if (this.master) this.outputs.get(fd)!.close();
    if (this.undrained.size === 0) this.tell();
  }

  private tell(): void {
    this.context.port.post({ type: 'exited', id: this.id, ...this.ended! });
  }

  private dispose(): void {
    for (const bridge of this.outputs.values()) bridge.close();
    this.input?.close();
  }
}

function usageOf(group: ThreadGroup): Usage {
  return {
    cpuMs: (group.userNs + group.systemNs + group.childUserNs + group.childSystemNs) / 1e6,
    peakMemoryBytes: Math.max(group.maxRssPages, group.childMaxRssPages) * 4096,
    syscalls: group.syscalls + group.childSyscalls,
    outOfMemory: group.outOfMemory,
    limits: limitsReached(group),
  };
}

function prepare(context: GuestContext, request: SpawnRequest): Place | SpawnFailure {
  const user = request.user === undefined ? context.user : context.findUser(request.user);
  if (!user) return { code: 'EINVAL', what: 'user', value: request.user! };
  const cwd = chooseDirectory(context, request, user);
  if (isErr(cwd)) return spawnFailure(cwd, 'cwd', request.cwd ?? context.cwd);
  const env = changeEnvironment(new Map(context.env), request.env);
  const fs = new FsContext(context.tree.root, cwd, UMASK);
  const file = findProgram(fs, user.cred, request.argv[0]!, env.get('PATH'));
  fs.release();
  return isErr(file) ? spawnFailure(file, 'program', request.argv[0]!) : { user, cwd, file, env };
}

/** A user who was named for one program only may not enter the machine's directory: he starts at the root, as su(1) does. */
function chooseDirectory(context: GuestContext, request: SpawnRequest, user: GuestUser): Path | Errno {
  if (request.cwd !== undefined) return enter(context, request.cwd, user);
  const usual = enter(context, context.cwd, user);
  return isErr(usual) && user !== context.user ? enter(context, '/', user) : usual;
}

function enter(context: GuestContext, text: string, user: GuestUser): Path | Errno {
  const cwd = context.tree.find(text);
  if (isErr(cwd)) return cwd;
  const inode = cwd.dentry.inode!;
  if (!inode.isDirectory) return ENOTDIR;
  return inodePermission(inode, user.cred, MAY_EXEC) === 0 ? cwd : EACCES;
}

function spawnFailure(errno: Errno, what: SpawnFailure['what'], value: string): SpawnFailure {
  return { code: ERRNO_NAMES[-errno] ?? String(-errno), what, value };
}

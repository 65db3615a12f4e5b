/**
 * The bell relay: a process of a few instructions that passes on what is written to an eventfd. The main thread of Node can write to
 * a descriptor without any native code, and cannot wake a futex; the kernel thread sleeps on a futex, and cannot wait for both.
 * It holds no guest memory and runs no guest: it may write to the doorbell's page, which stub processes cannot.
 */
import { FUTEX_WAKE } from '../../abi/futex.js';
import { MAP_FIXED, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../abi/mman.js';
import { PR_SET_PDEATHSIG } from '../../abi/prctl.js';
import { SIGKILL } from '../../abi/signal.js';
import { NR } from '../../abi/syscall-numbers.js';
import { Assembler } from '../../asm/assembler.js';
import { staticElf } from '../../asm/elf-writer.js';
import { ecx, mem, rax, rbx, rdi, rdx, rsi, rsp } from '../../asm/operands.js';
import { isErr, type Errno, type HostFd, type HostPid, type PhysAddr } from '../../base/brands.js';
import { PAGE_SIZE } from '../../base/page.js';
import { closeFd, eventfd, memfdWith } from '../../host/events.js';
import { WAKE_ALL } from '../../host/futex.js';
import { kill, spawnSession } from '../../host/process.js';
import { WAIT_OPTIONS, waitFor } from '../stub/child-status.js';
import { emitCall, emitCloseAllBut } from '../stub/process-start.js';
import { BELL_RUNG } from './layout.js';

const ELF_BASE = 0x6000_0000;
const DOORBELL = 0x7000_0000;
const O_CLOEXEC = 0x80000;
/** Room below the stack pointer for the eventfd's value. */
const VALUE = -64;

export class BellRelay {
  private constructor(
    readonly fd: HostFd,
    private readonly pid: HostPid,
  ) {}

  static start(physmemFd: HostFd, doorbell: PhysAddr): BellRelay | Errno {
    const fd = eventfd(0, O_CLOEXEC);
    if (isErr(fd)) return fd;
    const file = memfdWith('skas-bell', relayElf(physmemFd, doorbell, fd));
    const pid = isErr(file) ? file : spawnSession(`/proc/self/fd/${file}`, [physmemFd, fd]);
    if (!isErr(file)) closeFd(file);
    if (!isErr(pid)) return new BellRelay(fd, pid);
    closeFd(fd);
    return pid;
  }

  stop(): void {
    kill(this.pid, SIGKILL);
    waitFor(this.pid, WAIT_OPTIONS);
    closeFd(this.fd);
  }
}

function relayElf(physmemFd: HostFd, doorbell: PhysAddr, fd: HostFd): Uint8Array {
  const a = new Assembler();
  emitCall(a, NR.prctl, PR_SET_PDEATHSIG, SIGKILL);
  a.mov(rax, NR.getppid).syscall().cmp(rax, process.pid).j('ne', 'failed'); // the kernel died before
  emitCloseAllBut(a, physmemFd, fd);
  emitCall(a, NR.mmap, DOORBELL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, physmemFd, doorbell);
  a.label('listen').mov(rdi, fd).lea(rsi, mem(rsp, VALUE)).mov(rdx, 8).mov(rax, NR.read).syscall();
  a.cmp(rax, 8).j('ne', 'listen');
  a.mov(rbx, DOORBELL + BELL_RUNG)
    .mov(ecx, 1)
    .lockXadd(mem(rbx), ecx);
  a.mov(rdi, rbx).mov(rsi, FUTEX_WAKE).mov(rdx, WAKE_ALL).mov(rax, NR.futex).syscall();
  a.jmp('listen');
  a.label('failed').mov(rdi, 1).mov(rax, NR.exit_group).syscall().ud2();
  return staticElf(a.assemble(), ELF_BASE);
}

/** execve in a process with several threads (Linux: fs/exec.c, de_thread): the caller stays, as the leader. */
import { exitTask } from '../exit.js';
import { forgetTracee } from '../ptrace/attach.js';
import { forgetPid } from '../pid-namespace.js';
import type { Task } from '../task.js';

export function killOtherThreads(task: Task): void {
  const { group, machine } = task;
  for (const other of [...group.tasks]) if (other !== task) exitTask(other, 0);
  const oldLeader = group.leader;
  if (oldLeader === task) return;
  if (oldLeader) {
    forgetTracee(oldLeader);
    oldLeader.state = 'dead';
  }
  const oldTid = task.tid;
  machine.tasks.delete(oldTid);
  forgetPid(machine, oldTid);
  task.tid = group.pid;
  task.nsTid = group.nsPid;
  group.leader = task;
  machine.tasks.set(task.tid, task);
}

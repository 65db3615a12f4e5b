/** The ports of one network (Linux: struct net): the machine's, or a namespace's. */
import type { Task } from '../../kernel/task.js';
import type { InetSocket } from './inet-socket.js';
import { PortTable } from './ports.js';

export class InetStack {
  readonly tcp = new PortTable<InetSocket>();
  readonly udp = new PortTable<InetSocket>();
  readonly udplite = new PortTable<InetSocket>();
}

const stacks = new WeakMap<object, InetStack>();

export function stackOf(task: Task): InetStack {
  const { net } = task.nsproxy;
  let stack = stacks.get(net);
  if (!stack) {
    stack = new InetStack();
    stacks.set(net, stack);
  }
  return stack;
}

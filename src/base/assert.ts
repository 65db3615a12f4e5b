/** A broken invariant of our own: caught by the run loop, which kills the guest process at fault and keeps the machine. */
export class KernelBug extends Error {
  override readonly name = 'KernelBug';
}

export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new KernelBug(what);
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new KernelBug(`unreachable: ${String(value)}`);
}

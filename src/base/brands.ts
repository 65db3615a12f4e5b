/**
 * Branded types: numbers that must not be mixed up. A brand costs nothing at run time.
 *
 * - `GuestAddr`: an address in a guest address space, below TASK_SIZE (47 bits, so a number is exact).
 * - `UserPtr<T>`: a guest address that is known to point at a `T`.
 * - `PhysAddr`: a byte offset in guest RAM ("physmem"); names a frame, never an address of the host.
 * - `HostAddr`: an address in the kernel's own host process. Only host/, platform/ and mm/physmem may hold one.
 * - `Errno`: a negative error number, as a Linux system call returns it.
 * - `ByteString`: a string whose char codes are bytes (latin1). Every path and name inside the kernel is one, because
 *   Linux paths are bytes, not text. Only api/ and cli/ convert to and from UTF-8.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]?: Name };
type Strict<T, Name extends string> = T & { readonly [brand]: Name };

export type Errno = Strict<number, 'Errno'>;
export type GuestAddr = Brand<number, 'GuestAddr'>;
export type UserPtr<T> = number & { readonly [brand]?: 'GuestAddr'; readonly pointee?: T };
export type PhysAddr = Brand<number, 'PhysAddr'>;
export type HostAddr = Brand<number, 'HostAddr'>;
export type HostFd = Brand<number, 'HostFd'>;
export type HostPid = Brand<number, 'HostPid'>;
export type Pid = Brand<number, 'Pid'>;
export type ByteString = string;

/** True when a result is a failure. Results are never negative numbers otherwise. */
export function isErr(result: unknown): result is Errno {
  return typeof result === 'number' && result < 0;
}

/** The environment of guest programs: a minimal one of their own, never the host's. */
import type { GuestUser } from './user.js';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every program gets: search path, user, locale and time zone. `host`: where locale and time zone come from. */
export function defaultEnvironment(user: GuestUser, host: NodeJS.ProcessEnv): Map<string, string> {
  const env = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOME', user.home],
    ['USER', user.name],
    ['LOGNAME', user.name],
    ['SHELL', user.shell],
    ['LANG', host.LANG ?? 'C.UTF-8'],
  ]);
  for (const name of ['TZ', 'LC_ALL', 'TERM']) {
    const value = host[name];
    if (value) env.set(name, value);
  }
  return env;
}

/** Sets the variables of `changes`; null takes one away. */
export function changeEnvironment(env: Map<string, string>, changes: Readonly<Record<string, string | null>>): Map<string, string> {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) env.delete(name);
    else env.set(name, value);
  }
  return env;
}

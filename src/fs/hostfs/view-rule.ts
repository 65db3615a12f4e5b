/**
 * Which part of a host tree a hostfs shows: a tree of rules beside the tree of directories. A directory without a rule shows
 * everything. Hidden names do not exist for the guest (ENOENT), in lookup and in listings alike.
 */
import type { ByteString } from '../../base/brands.js';

export interface ViewRule {
  /** Shows these names only. */
  readonly only?: ReadonlySet<ByteString>;
  /** Hides the names for which this is true. */
  readonly hidden?: (name: ByteString) => boolean;
  /** Rules of subdirectories; others get `rest`. */
  readonly children?: ReadonlyMap<ByteString, ViewRule>;
  /** The rule of whatever `children` does not name; 'same': this very rule. */
  readonly rest?: ViewRule | 'same';
  /**
   * Files and directories show their contents only if the host would let anybody read them ("other" permission bits), whoever
   * skas runs as: a machine run by root then sees of the host's secrets what a machine run by an ordinary user sees.
   */
  readonly publicOnly?: boolean;
}

/** A directory that is there, and empty. */
export const SHOWN_EMPTY: ViewRule = { only: new Set() };

export function shows(rule: ViewRule | undefined, name: ByteString): boolean {
  if (rule === undefined) return true;
  if (rule.only !== undefined && !rule.only.has(name)) return false;
  return rule.hidden === undefined || !rule.hidden(name);
}

export function childRule(rule: ViewRule | undefined, name: ByteString): ViewRule | undefined {
  if (rule === undefined) return undefined;
  return rule.children?.get(name) ?? (rule.rest === 'same' ? rule : rule.rest);
}

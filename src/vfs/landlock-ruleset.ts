/** A set of rules in the making (Linux: security/landlock/ruleset.c): a file without a name, of which layers take copies. */
import type { Errno } from '../base/brands.js';
import { E2BIG } from '../abi/errno.js';
import { dropInode, holdInode } from './dentry.js';
import type { Inode } from './inode.js';
import type { LayerRules } from './landlock.js';
import { OpenFile } from './open-file.js';

/** Rules of one set. */
const MAX_RULES = 4096;

export class RulesetFile extends OpenFile {
  private readonly files = new Map<Inode, number>();
  private readonly ports = new Map<number, number>();

  constructor(
    inode: Inode,
    flags: number,
    readonly handledFs: number,
    readonly handledNet: number,
    private readonly scoped: number,
  ) {
    super(inode, flags);
  }

  override get seekable(): boolean {
    return false;
  }

  get ruleCount(): number {
    return this.files.size + this.ports.size;
  }

  grantFile(inode: Inode, access: number): 0 | Errno {
    const known = this.files.get(inode);
    if (known === undefined) {
      if (this.ruleCount >= MAX_RULES) return E2BIG;
      holdInode(inode);
    }
    this.files.set(inode, (known ?? 0) | access);
    return 0;
  }

  grantPort(port: number, access: number): 0 | Errno {
    if (!this.ports.has(port) && this.ruleCount >= MAX_RULES) return E2BIG;
    this.ports.set(port, (this.ports.get(port) ?? 0) | access);
    return 0;
  }

  /** The rules as they are now. */
  snapshot(): LayerRules {
    const { handledFs, handledNet, scoped } = this;
    return { handledFs, handledNet, scoped, files: new Map(this.files), ports: new Map(this.ports) };
  }

  override release(): void {
    for (const inode of this.files.keys()) dropInode(inode);
    this.files.clear();
  }
}

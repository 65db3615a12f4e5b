/**
 * The host's system directories as a root file system: what an installed program needs, and nothing of whom the host belongs
 * to. Meant as the read-only lower layer of an overlay.
 *
 * Shown: /bin /sbin /lib* /usr /etc /opt /var and what other distributions keep programs in (/nix, /gnu), links at the top as
 * links. There, but empty: /home /root /run /proc /sys /dev /tmp /srv /mnt /media, and below /var what services and users keep
 * there. Anything else at the top is not there at all.
 *
 * Secrets. Run by an ordinary user, the host itself refuses what that user may not read. Run by root, it would refuse nothing, so:
 * - outside of /usr, files and directories show their contents only if anybody may read them (EACCES otherwise),
 * - the names in SECRETS do not exist for the guest, whoever runs it.
 */
import type { ByteString, Errno } from '../../base/brands.js';
import { HostFs, type HostFsOptions } from './host-fs.js';
import { SHOWN_EMPTY, type ViewRule } from './view-rule.js';

const SHOWN = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'opt', 'var', 'nix', 'gnu'];
const EMPTY = ['home', 'root', 'run', 'proc', 'sys', 'dev', 'tmp', 'srv', 'mnt', 'media'];
const EMPTY_IN_VAR = ['backups', 'crash', 'log', 'mail', 'run', 'snap', 'spool', 'tmp', 'www'];

/** Paths that are never shown. */
export const SECRETS: readonly ByteString[] = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/security/opasswd',
  '/etc/ssl/private',
  '/etc/pki/tls/private',
  '/etc/krb5.keytab',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/wireguard',
  '/etc/letsencrypt',
  '/etc/kubernetes',
  '/etc/rancher',
  '/etc/NetworkManager/system-connections',
  '/etc/docker/key.json',
  '/etc/ppp/chap-secrets',
  '/etc/ppp/pap-secrets',
];

const isHostKey = (name: ByteString): boolean => name.startsWith('ssh_host_') && name.endsWith('_key');

/** Mutable while it is built. */
interface RuleTree {
  hidden: Set<ByteString>;
  children: Map<ByteString, RuleTree>;
}

const newTree = (): RuleTree => ({ hidden: new Set(), children: new Map() });

function secretsTree(): RuleTree {
  const root = newTree();
  for (const path of SECRETS) {
    const names = path.slice(1).split('/');
    const last = names.pop()!;
    let at = root;
    for (const name of names) {
      const next = at.children.get(name) ?? newTree();
      at.children.set(name, next);
      at = next;
    }
    at.hidden.add(last);
  }
  return root;
}

const PUBLIC_ONLY: ViewRule = { publicOnly: true, rest: 'same' };

function toRule(tree: RuleTree): ViewRule {
  const children = new Map<ByteString, ViewRule>();
  for (const [name, child] of tree.children) children.set(name, toRule(child));
  return { publicOnly: true, rest: PUBLIC_ONLY, children, hidden: (name) => tree.hidden.has(name) };
}

/** The rule of the host's root directory. */
function systemRule(): ViewRule {
  const etc = toRule(secretsTree().children.get('etc')!);
  const ssh: ViewRule = { publicOnly: true, rest: PUBLIC_ONLY, hidden: isHostKey };
  const top = new Map<ByteString, ViewRule>();
  for (const name of EMPTY) top.set(name, SHOWN_EMPTY);
  top.set('etc', { ...etc, children: new Map([...etc.children!, ['ssh', ssh]]) });
  top.set('var', { publicOnly: true, rest: PUBLIC_ONLY, children: new Map(EMPTY_IN_VAR.map((name) => [name, SHOWN_EMPTY])) });
  top.set('opt', PUBLIC_ONLY);
  const usrLocal: ViewRule = { children: new Map([['etc', PUBLIC_ONLY]]) };
  top.set('usr', { children: new Map([['local', usrLocal]]) });
  return { only: new Set([...SHOWN, ...EMPTY]), children: top };
}

/** The host's system directories, read-only; names and attributes are taken to be stable. */
export function openSystemRoot(options: Pick<HostFsOptions, 'mapOwner' | 'physmem' | 'maxCachedFds'> = {}): HostFs | Errno {
  return HostFs.open('/', { ...options, readOnly: true, assumeStable: true, rule: systemRule() });
}

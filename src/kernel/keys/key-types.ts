/** Types of keys (Linux: security/keys/user_defined.c, big_key.c, keyring.c; keyrings(7), "Key types"). */
import type { ByteString } from '../../base/brands.js';

export interface KeyType {
  readonly name: ByteString;
  /** Its contents can be read, and replaced. */
  readonly canRead: boolean;
  readonly canUpdate: boolean;
  /** Whether `length` bytes can be the contents. */
  isValidLength(length: number): boolean;
  /** Whether a key may be called so. */
  isValidDescription(description: ByteString): boolean;
}

const MAX_USER_PAYLOAD = 32767;
const MAX_BIG_PAYLOAD = 2 ** 20;
const anything = (): boolean => true;

export const KEYRING_TYPE: KeyType = {
  name: 'keyring',
  canRead: true,
  canUpdate: false,
  isValidLength: (length) => length === 0,
  isValidDescription: anything,
};

const TYPES: readonly KeyType[] = [
  KEYRING_TYPE,
  {
    name: 'user',
    canRead: true,
    canUpdate: true,
    isValidLength: (length) => length > 0 && length <= MAX_USER_PAYLOAD,
    isValidDescription: anything,
  },
  {
    // For the kernel alone: nobody may read it. The name says which service it is for.
    name: 'logon',
    canRead: false,
    canUpdate: true,
    isValidLength: (length) => length > 0 && length <= MAX_USER_PAYLOAD,
    isValidDescription: (description) => description.indexOf(':') > 0,
  },
  {
    name: 'big_key',
    canRead: true,
    canUpdate: true,
    isValidLength: (length) => length > 0 && length <= MAX_BIG_PAYLOAD,
    isValidDescription: anything,
  },
];

export function keyTypeOf(name: ByteString): KeyType | undefined {
  return TYPES.find((type) => type.name === name);
}

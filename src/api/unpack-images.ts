/** What unpacking brings with it (archives, decompression) is a module of its own, loaded only where an image is used. */
export { ArchiveError } from '../image/archive-error.js';
export { unpackImage } from '../image/unpack.js';

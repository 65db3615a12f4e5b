/** Why an archive or an image cannot be a root: one sentence for the user. Thrown, for this folder runs on Node's main thread. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

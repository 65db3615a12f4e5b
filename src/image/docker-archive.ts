/**
 * What `docker save` and skopeo's docker-archive write (moby, image/spec/v1.2.md): a tar archive with a manifest.json that names
 * a configuration and layers. There are digests of the uncompressed layers only; they are checked.
 */
import { createHash } from 'node:crypto';
import { ArchiveError } from './archive-error.js';
import { checkCounts, parseConfig, parseJson, readAll, type ImageContents, type ImageLayer, type LayoutFiles } from './oci-layout.js';

interface ManifestItem {
  Config?: unknown;
  RepoTags?: string[] | null;
  Layers?: unknown;
}

/** The image of that tag, or of that name and tag; without one, the only image there is. */
export function readDockerImage(files: LayoutFiles, tag: string | undefined): ImageContents {
  const items = parseJson<ManifestItem[]>(read(files, 'manifest.json'), 'manifest.json');
  if (!Array.isArray(items) || items.length === 0) throw new ArchiveError('holds no image');
  const item = tag === undefined && items.length === 1 ? items[0]! : choose(items, tag ?? 'latest');
  const bytes = read(files, item.Config);
  const { config, diffIds } = parseConfig(bytes);
  const names: unknown[] = Array.isArray(item.Layers) ? item.Layers : [];
  checkCounts(diffIds, names);
  const layers = names.map((name, i): ImageLayer => ({ source: open(files, name), digest: undefined, diffId: diffIds[i]! }));
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, config, layers };
}

function choose(items: readonly ManifestItem[], tag: string): ManifestItem {
  const tags = (item: ManifestItem): string[] => (Array.isArray(item?.RepoTags) ? item.RepoTags : []);
  const found = items.find((item) => tags(item).some((name) => name === tag || name.endsWith(`:${tag}`)));
  if (!found) throw new ArchiveError(`has no image ${tag}: name one of its own (${items.flatMap(tags).slice(0, 10).join(', ')})`);
  return found;
}

function open(files: LayoutFiles, name: unknown): ImageLayer['source'] {
  const source = typeof name === 'string' ? files.open(name) : undefined;
  if (!source) throw new ArchiveError(`lacks a file that its manifest names: ${String(name).slice(0, 80)}`);
  return source;
}

function read(files: LayoutFiles, name: unknown): Buffer {
  return readAll(open(files, name), String(name));
}

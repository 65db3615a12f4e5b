/**
 * The layer rule as a function, so that its test can feed it made-up files. A folder of src/ imports itself and the folders
 * above it in LAYERS; `index.ts` imports all. Only host/ imports koffi. Tests stand outside of the layers: they may import all.
 */
import { posix } from 'node:path';

export const LAYERS = [
  'base',
  'abi',
  'image',
  'asm',
  'host',
  'platform',
  'mm',
  'vfs',
  'kernel',
  'fs',
  'net',
  'syscalls',
  'trace',
  'api',
  'cli',
] as const;

const FFI_PACKAGE = 'koffi';
const FFI_FOLDER = 'host';

/** Every form of import: `from '...'`, `import '...'`, `import('...')`, in code and in types. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g;

interface Import {
  readonly specifier: string;
  readonly line: number;
}

export function importsOf(source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/(^|\s)\/\/[^\n]*/g, '$1');
  return [...code.matchAll(IMPORT)].map((match) => ({
    specifier: match[1]!,
    line: code.slice(0, match.index).split('\n').length,
  }));
}

/** What is wrong with one file; `file` is relative to src/, with forward slashes. */
export function checkFile(file: string, source: string): string[] {
  if (file.endsWith('.test.ts')) return [];
  const folder = file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
  const rank = (LAYERS as readonly string[]).indexOf(folder);
  if (folder === '') return [];
  if (rank < 0) return [`src/${file}: folder '${folder}' is not a layer; the layers are ${LAYERS.join(', ')}`];
  const problems: string[] = [];
  for (const { specifier, line } of importsOf(source)) {
    const problem = checkImport(file, folder, rank, specifier);
    if (problem !== undefined) problems.push(`src/${file}:${line}: ${problem}`);
  }
  return problems;
}

function checkImport(file: string, folder: string, rank: number, specifier: string): string | undefined {
  if (specifier === FFI_PACKAGE) {
    return folder === FFI_FOLDER ? undefined : `only ${FFI_FOLDER}/ may import ${FFI_PACKAGE}; bind the host call there`;
  }
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(file), specifier);
  const targetFolder = target.split('/')[0]!;
  if (targetFolder === folder) return undefined;
  const allowed = LAYERS.slice(0, rank);
  if ((allowed as readonly string[]).includes(targetFolder)) return undefined;
  const list = allowed.length > 0 ? allowed.join(', ') : 'nothing';
  return `${folder}/ must not import '${specifier}'; besides itself it may import ${list}`;
}

/**
 * Loads a large module quickly. In the package a module is one CommonJS file, with V8's compiled code beside it
 * (NAME.cjs.cache, written when the package is built): compiling the kernel anew at each start would take longer than running
 * a small guest. V8 itself refuses a cache of another version of Node, and then compiles. In a checkout's build folder there is
 * no bundle, and the module is imported as it is.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** Set while the package is built: every module that is loaded writes its cache when the thread ends. */
const WRITES_CACHE = 'SKAS_WRITE_CODE_CACHE';

type Exports = Record<string, unknown>;
type ModuleFunction = (require: NodeRequire, module: { exports: Exports }, exports: Exports, filename: string) => void;

/** The exports of NAME.cjs, or of NAME.js, beside the file whose `import.meta.url` is `from`. */
export async function loadModule<T>(name: string, from: string): Promise<T> {
  const bundle = fileURLToPath(new URL(`./${name}.cjs`, from));
  if (existsSync(bundle)) return loadBundle(bundle) as T;
  return (await import(new URL(`./${name}.js`, from).href)) as T;
}

function loadBundle(file: string): Exports {
  // One function expression (see tools/bundle.ts): joining strings here would copy a megabyte. Latin-1 is read fastest.
  const source = readFileSync(file, 'latin1');
  const script = new Script(source, { filename: file, cachedData: readCache(file) });
  const module: { exports: Exports } = { exports: {} };
  (script.runInThisContext() as ModuleFunction)(createRequire(file), module, module.exports, file);
  if (process.env[WRITES_CACHE]) process.once('exit', () => writeCache(file, script));
  return module.exports;
}

function cacheOf(file: string): string {
  return `${file}.cache`;
}

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(cacheOf(file));
  } catch {
    return undefined;
  }
}

/** What has run by now is in it. Renamed into place, so that nobody ever reads half of one. */
function writeCache(file: string, script: Script): void {
  const temporary = `${cacheOf(file)}.${process.pid}`;
  writeFileSync(temporary, script.createCachedData());
  renameSync(temporary, cacheOf(file));
}

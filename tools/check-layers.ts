/** Part of `npm run lint`: exits 1 and names each import that goes down the layers (see layers.ts). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkFile } from './layers.js';
import { listFiles, ROOT } from './repository.js';

const problems = listFiles('src', '.ts').flatMap((file) => checkFile(file.slice('src/'.length), readFileSync(join(ROOT, file), 'utf8')));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

/**
 * The host's own programs, natively and under skas on each platform, in the same working folder with the same environment: stdout
 * and exit code must be the same. The folder is made anew for each run. SKAS_ONLY=text narrows the run to names that contain it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../tools/repository.js';
import { declareCases } from '../support/cases.js';
import { conformanceCases } from './cases.js';

const SOURCES = join(ROOT, 'tests/conformance');

/** The static Go program, built once into the build folder. */
function goroutines(): string {
  const target = join(ROOT, 'build/guest-programs/goroutines');
  if (!existsSync(target)) {
    mkdirSync(join(ROOT, 'build/guest-programs'), { recursive: true });
    const env = { ...process.env, CGO_ENABLED: '0', GO111MODULE: 'off', GOCACHE: join(ROOT, 'build/go-cache') };
    execFileSync('go', ['build', '-o', target, join(SOURCES, 'project/goroutines.go')], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return target;
}

declareCases(conformanceCases(), { sources: SOURCES, made: { goroutines } });

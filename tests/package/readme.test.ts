/** The README's examples do what it says, and the documents name files that exist. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isInstalled } from '../../tools/install-test-programs.js';
import { listFiles, ROOT } from '../../tools/repository.js';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]!);
}

/** Runs a shell command in a folder of its own inside the repository, where `npx skas` and `import 'skas'` find the package. */
function inRepository(
  command: readonly string[],
  files: Readonly<Record<string, string>> = {},
): { status: number | null; stdout: string; stderr: string } {
  const folder = mkdtempSync(join(ROOT, 'build', 'readme-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
      input: '',
    });
    return { status, stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function missing(...programs: string[]): string | false {
  const absent = programs.filter((program) => !isInstalled(program));
  return absent.length > 0 ? `no ${absent.join(', no ')}` : false;
}

describe('README', { timeout: 300_000 }, () => {
  test('the command that does the main job', () => {
    const command = blocks('sh')[0]!.trim();
    assert.match(command, /^npm ci && npx skas run /);
    const { status, stdout, stderr } = inRepository(['bash', '-c', command.replace('npm ci && ', '')]);
    assert.equal(status, 0, stderr);
    assert.equal(stdout.trim().split('\n').length, 10, stdout);
  });

  test('the commands under Use', { skip: missing('/usr/bin/python3', 'make') }, () => {
    const commands = blocks('sh')[2]!
      .trim()
      .split('\n')
      .map((line) => line.replace(/ #.*$/, '').trim());
    assert.ok(commands.length >= 6);
    for (const command of commands) {
      if (command.includes('-it')) continue;
      const { status, stderr } = inRepository(['bash', '-c', command.replace(/^skas/, 'npx skas')], {
        Makefile: 'all:\n\techo made > made\n',
      });
      assert.equal(status, 0, `${command}: ${stderr}`);
    }
  });

  test('the example of the library prints what the README says', { skip: missing('/usr/bin/python3') }, () => {
    const { status, stdout, stderr } = inRepository([process.execPath, 'example.mjs'], { 'example.mjs': blocks('js')[0]! });
    assert.equal(status, 0, stderr);
    const lines = stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    assert.deepEqual(lines.slice(0, 2), ['0 42', '5 4 3 2 1']);
    assert.match(lines.slice(2).join(' '), /'hello.py'.*'note.txt'/);
  });
});

test('the documents name files that exist', () => {
  const missing: string[] = [];
  for (const document of ['README.md', ...listFiles('docs', '.md')]) {
    const text = readFileSync(join(ROOT, document), 'utf8');
    for (const [, name] of text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|c|h|md))`|\]\(([\w/.-]+\.md)\)/g)) {
      if (name === undefined) continue;
      const exists = ['', 'src/', 'docs/'].some((folder) => existsSync(join(ROOT, folder, name)));
      if (!exists) missing.push(`${document}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
});

// The manual pages: all of them are shipped, groff has nothing to complain of, and a person reads in them what the
// help says, character by character. That they are current is the business of "generated pages".

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { COMMANDS } from '../../cli/commands/all.ts';
import { listFiles, REPOSITORY, readText } from './files.ts';

const pages = listFiles().filter((path) => path.startsWith('man/'));
const MAIN = join(REPOSITORY, 'dist/cli/main.js');

const skip = spawnSync('groff', ['--version']).status === 0 ? false : 'groff is not installed';

/** As it is read on a very wide terminal, so that no line is broken. */
function readPage(path: string): { text: string; complaints: string } {
  const args = ['-man', '-ww', '-Tutf8', '-P-cbou', '-rLL=400n', join(REPOSITORY, path)];
  const done = spawnSync('groff', args, { encoding: 'utf8' });
  return { text: done.stdout, complaints: done.stderr };
}

/** The options, or the examples, of a command's help. */
function helpLines(command: string, heading: string): string[] {
  const help = spawnSync(process.execPath, [MAIN, command, '--help'], { encoding: 'utf8' }).stdout;
  const part = help.split(`${heading}:\n`)[1]?.split('\n\n')[0] ?? '';
  return part
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

describe('manual pages', () => {
  test('there is one for each command, and the package names all of them', () => {
    const wanted = ['man/belfry.1', ...Object.keys(COMMANDS).map((name) => `man/belfry-${name}.1`)].sort();
    assert.deepEqual(pages, wanted);
    const { man, files } = JSON.parse(readText('package.json')) as { man: string[]; files: string[] };
    assert.deepEqual(man, wanted);
    assert.ok(files.includes('man'));
  });

  for (const path of pages) {
    test(`${path} is clean roff`, { skip }, () => {
      const { text, complaints } = readPage(path);
      assert.equal(complaints, '');
      assert.match(text, /^NAME$/m);
    });
  }

  for (const name of Object.keys(COMMANDS)) {
    test(`belfry ${name}: the page has the options and examples of the help`, { skip }, () => {
      const text = readPage(`man/belfry-${name}.1`).text.replace(/ +/g, ' ');
      const terms = helpLines(name, 'Options').flatMap((line) => /^(-.*?)(?: {2,}|$)/.exec(line)?.[1] ?? []);
      const examples = helpLines(name, 'Examples').map((line) => line.replace(/ +/g, ' '));
      assert.ok(
        terms.length > 0 && examples.length > 0,
        `${terms.length} options, ${examples.length} examples`,
      );
      const missing = [...terms, ...examples].filter((line) => !text.includes(line));
      assert.deepEqual(missing, []);
    });
  }
});

// npm run check: types, lint, format, dead code and the tidy tests, each with one line of its own and the
// tool's output where it complains. All of them run, whatever the first one says; the exit code is 1 if any
// failed. Words on the command line choose some of them: node tools/check.mjs lint format
//
// Refuses: to change a file. `npm run format` does that.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules/.bin', name);

/** `mend`: what a person types to put it right, where one command does. */
const STEPS = [
  // The build is the type check; the tidy tests below run what it leaves in dist/.
  { name: 'types', program: bin('tsc'), args: ['-p', root] },
  { name: 'lint', program: bin('oxlint'), args: ['--type-aware', '--deny-warnings'] },
  {
    name: 'format',
    program: bin('biome'),
    args: ['format', '--max-diagnostics=20', '.'],
    mend: 'npm run format',
  },
  { name: 'dead code', program: bin('knip'), args: ['--no-progress'] },
  { name: 'tidy', program: process.execPath, args: [join(root, 'tools/test.mjs'), 'tidy'] },
];

function runStep(step) {
  const from = performance.now();
  // npm warns about settings of the user's own that it does not know; that is not ours to report.
  const env = { ...process.env, npm_config_loglevel: 'error', FORCE_COLOR: '0' };
  const done = spawnSync(step.program, step.args, { cwd: root, env, encoding: 'utf8', maxBuffer: 64 << 20 });
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const good = done.status === 0;
  if (!good) process.stdout.write(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}\n`);
  console.log(`${good ? '✔' : '✖'} ${step.name} (${seconds} s)${good || !step.mend ? '' : `: ${step.mend}`}`);
  return good;
}

function main(words) {
  const unknown = words.filter((word) => !STEPS.some((step) => step.name === word));
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(', ')}. Known: ${STEPS.map((step) => step.name).join(', ')}`);
    return 64;
  }
  if (!existsSync(bin('tsc'))) {
    console.error('packages are missing. Run: npm run check');
    return 1;
  }
  const wanted = STEPS.filter((step) => words.length === 0 || words.includes(step.name));
  const failed = wanted.filter((step) => !runStep(step)).map((step) => step.name);
  console.log(failed.length === 0 ? 'check: all good' : `check: failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));

// Runs the crash tests for as many rounds as asked: each breaks agent, server, network and disks at moments of its
// own, and demands that nothing is lost. What a round broke, in which order, comes from the seed.
//
//   npm run test:crash -- --rounds 50 --seed 7 [--steps 12] [--only relp]
//
// Refuses: to go on after a failed round; its seed and story are the last thing that is printed.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    steps: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
  },
});

const test = join(import.meta.dirname, '../dist/test/system/crash.test.js');
/** As in test/system/crash.test.ts: the seed of a round. */
const SEED_STEP = 1000;

for (let round = 0; round < Number(values.rounds); round++) {
  const seed = Number(values.seed) + round * SEED_STEP;
  console.log(`round ${round + 1} of ${values.rounds}: --seed ${seed} --rounds 1 --steps ${values.steps}`);
  const env = { ...process.env, BELFRY_SEED: String(seed), BELFRY_CRASH_STEPS: values.steps };
  const only = values.only === '' ? [] : [`--test-name-pattern=^${values.only}`];
  const args = ['--test', '--test-reporter=spec', ...only, test];
  const done = spawnSync(process.execPath, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = done.stdout.split('\n').filter((line) => /^(ℹ seed|✔|✖)/.test(line.trim()));
  console.log(done.status === 0 ? told.join('\n') : done.stdout);
  if (done.status === 0) continue;
  process.exitCode = 1;
  break;
}

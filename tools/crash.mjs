// Runs the crash tests for as many rounds as asked: each breaks agent, server, network and disks at moments of its
// own, and demands that nothing is lost. What a round broke, in which order, comes from the seed.
//
// Refuses: to go on after a failed round; its seed and story are the last thing that is printed.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

function readCount(text) {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number above 0 is needed.');
  return Number(text);
}

const values = new Command('npm run test:crash --')
  .description('Breaks agent, server, network and disks, and demands that nothing is lost.')
  .option('--rounds <count>', 'rounds of four histories each', readCount, 10)
  .option('--seed <number>', 'what a round breaks, and when', readCount, Date.now() % 1_000_000_000)
  .option('--steps <count>', 'faults of a history', readCount, 8)
  .addOption(new Option('--only <way>', 'one way of delivery').choices(['tcp', 'tls', 'relp', 'relps']))
  .addHelpText('after', '\nExample:\n  npm run test:crash -- --rounds 50 --seed 7 --only relp')
  .parse()
  .opts();

const test = join(import.meta.dirname, '../dist/test/system/crash.test.js');
/** As in test/system/crash.test.ts: the seed of a round. */
const SEED_STEP = 1000;

for (let round = 0; round < values.rounds; round++) {
  const seed = values.seed + round * SEED_STEP;
  console.log(`round ${round + 1} of ${values.rounds}: --seed ${seed} --rounds 1 --steps ${values.steps}`);
  const env = { ...process.env, BELFRY_SEED: String(seed), BELFRY_CRASH_STEPS: String(values.steps) };
  const only = values.only === undefined ? [] : [`--test-name-pattern=^${values.only}\\b`];
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

// The spool against a simple model, on a disk that fails in every way that disks do. The seed of a history that
// fails is printed; `BELFRY_SEED` asks for others, `BELFRY_MODEL_RUNS` for more of each kind than the usual.

import { test } from 'node:test';
import { fc } from '../property/chance.ts';
import {
  CURSOR_DAMAGE,
  DAMAGE,
  type Deed,
  History,
  SETTING,
  type Setting,
  TROUBLE,
  WORK,
} from './history.ts';

const RUNS = Number(process.env['BELFRY_MODEL_RUNS'] ?? 2500);

function live(setting: Setting, deeds: readonly Deed[]): void {
  const history = new History(setting);
  history.run(deeds);
  history.drain();
  history.checkLosses();
  history.checkSafeArrived();
  history.checkAlive();
}

function holds(
  kinds: readonly fc.WeightedArbitrary<Deed>[],
  numRuns: number,
  fixed: Partial<Setting> = {},
): void {
  const deeds = fc.array(fc.oneof(...kinds), { minLength: 5, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(SETTING, deeds, (setting, list) => live({ ...setting, ...fixed }, list)),
    { numRuns, includeErrorInReport: true },
  );
}

test('good days, and processes that are killed', () => {
  holds(WORK, RUNS);
});

test('full disks, failing disks, power cuts', () => {
  holds([...WORK, ...TROUBLE], RUNS);
});

test('the same where nothing may be dropped', () => {
  holds([...WORK, ...TROUBLE], RUNS, { onFull: 'block' });
});

test('flipped bits, cut, missing and foreign files', () => {
  holds([...WORK, ...DAMAGE], RUNS);
});

test('damaged cursors', () => {
  holds([...WORK, ...CURSOR_DAMAGE], RUNS);
});

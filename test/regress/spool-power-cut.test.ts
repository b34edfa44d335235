// Power cuts one behind the other, on a disk that syncs nothing unasked: a removed segment that came back stood
// beside a new one with its number and hid what was in that, and both slots of a cursor could be torn at once.

import { test } from 'node:test';
import { type Deed, History, type Setting } from '../model/history.ts';

const CUT: Deed = { kind: 'cutPower' };
const READ: Deed = { kind: 'read', who: 0, count: 1 };

function append(...sizes: number[]): Deed {
  return { kind: 'append', sizes };
}

function live(setting: Setting, deeds: readonly Deed[]): void {
  const history = new History(setting);
  history.run(deeds);
  history.drain();
  history.checkLosses();
  history.checkSafeArrived();
  history.checkAlive();
}

const BLOCK = { onFull: 'block', sync: 'none', destinations: 1 } as const;

test('a removed segment that a power cut brings back hides nothing', () => {
  live({ ...BLOCK, room: 400, segmentBytes: 80, seed: 151141204 }, [
    append(1),
    CUT,
    append(1),
    append(44),
    CUT,
    append(1),
    append(1),
    CUT,
    append(1),
  ]);
  live({ ...BLOCK, room: 514, segmentBytes: 257, seed: 151141206 }, [
    CUT,
    append(1, 48, 16, 57, 52),
    CUT,
    append(1),
    append(54, 43, 49),
    CUT,
    append(39, 58),
    CUT,
    append(1),
    append(1),
    CUT,
    append(1),
  ]);
  live({ ...BLOCK, destinations: 2, room: 400, segmentBytes: 80, seed: 22 }, [
    append(1, 1, 1, 1),
    CUT,
    append(1),
    CUT,
    append(1),
  ]);
});

test('a power cut leaves the cursor that was synced last, whatever was saved since', () => {
  live({ onFull: 'dropOldest', sync: '1s', destinations: 1, room: 400, segmentBytes: 80, seed: 327437557 }, [
    append(1, 10, 18),
    append(1, 10),
    append(39, 10, 1),
    append(1, 1, 44, 1),
    READ,
    READ,
    { kind: 'pass', ms: 1000 },
    append(1, 23),
    { kind: 'acknowledge', who: 0, share: 0.1 },
    CUT,
    READ,
    append(1),
    READ,
  ]);
});

// A log that was rotated between the look at its directory and the opening of its files: the older one had another name
// by then and was found a moment later, when the younger one had been read already.

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { test } from 'node:test';
import { FollowedFile } from '../../client/inputs/file/followed-file.ts';
import { waitUntil } from '../system/programs.ts';
import { makeWorld } from '../unit/client/use-files.ts';

test('the older file is read first, wherever it has moved meanwhile', async (t) => {
  const world = makeWorld(t);
  world.write('a.log.1', 'one\ntwo\n');
  world.write('a.log', 'three\nfour\n');
  const { open } = FollowedFile;
  let opened = 0;
  t.mock.method(FollowedFile, 'open', (...wish: Parameters<typeof open>) => {
    opened += 1;
    // Half of a rotation, and then the other half.
    if (opened === 1) renameSync(world.path('a.log.1'), world.path('a.log.2'));
    if (opened === 2) renameSync(world.path('a.log'), world.path('a.log.1'));
    return open(...wish);
  });
  await world.start({ paths: [world.path('a.log*')] });
  await waitUntil('all lines', () => world.sink.taken >= 4);
  assert.deepEqual(world.sink.texts, ['one', 'two', 'three', 'four']);
});

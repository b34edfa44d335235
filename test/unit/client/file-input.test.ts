// The file input by example: what is read, how it becomes a message, and what stands in the status.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '../../system/programs.ts';
import { makeWorld, numbered, numbers } from './use-files.ts';

test('lines become messages of RFC 5424, with the program by the name of the file', async (t) => {
  const world = makeWorld(t);
  world.write('access.log', 'GET /\nPOST /x\n');
  await world.start({ facility: 16, severity: 6 });
  await waitUntil('two messages', () => world.sink.taken === 2);
  const [first = ''] = world.sink.records.map(String);
  assert.match(
    first,
    /^<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 web-1 access - - \[timeQuality tzKnown="1" isSynced="1" syncAccuracy="1234"\] GET \/$/,
  );
  assert.deepEqual(world.sink.texts, ['GET /', 'POST /x']);
});

test('what is appended is read soon, and a line without its end waits', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 3));
  await world.start();
  await waitUntil('three messages', () => world.sink.taken === 3);
  world.append('a.log', 'a 4\na ');
  await waitUntil('the fourth', () => world.sink.taken === 4);
  world.append('a.log', '5\n');
  await waitUntil('the fifth', () => world.sink.taken === 5);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 5));
});

// Requests of every shape, asked of Belfry and of a real chronyd side by side: the same ones are answered, with
// the same version and mode. After each shape comes a good request, so that silence is known for silence.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { SHAPES } from '../unit/ntp/shapes.ts';
import { goodRequest, makeAsker, markOf, useChronyd, useTimeServer } from './ntp.ts';
import { skipWithout } from './peers.ts';
import { freePort, waitUntil } from './programs.ts';

const SHAPES_MIN = 65;

/** The answer's first octet without the leap indicator, or undefined: silence. */
async function askShape(t: TestContext, at: number, port: number): Promise<number | undefined> {
  const shape = SHAPES[at];
  assert.ok(shape);
  const asker = await makeAsker(t, '127.0.0.1', shape.port < 1024 ? shape.port : 0);
  await asker.send(shape.bytes, port, '127.0.0.1');
  await asker.send(goodRequest(at), port, '127.0.0.1');
  const isLast = () => asker.answers.some(({ bytes }) => markOf(bytes) === at);
  await waitUntil(`the good request after "${shape.name}" is answered`, isLast);
  asker.close();
  const answer = asker.answers.find(({ bytes }) => markOf(bytes) !== at);
  if (answer === undefined) return undefined;
  assert.ok(
    answer.bytes.length <= shape.bytes.length,
    `${shape.name}: the answer is longer than the question`,
  );
  return (answer.bytes[0] ?? 0) & 0x3f;
}

function needsRoot(port: number): boolean {
  return port < 1024 && process.getuid?.() !== 0;
}

describe('every shape of request', () => {
  test(`there are at least ${SHAPES_MIN}`, () =>
    assert.ok(SHAPES.length >= SHAPES_MIN, String(SHAPES.length)));

  test('Belfry answers those that it should', async (t) => {
    const { port } = await useTimeServer(t);
    for (const [at, shape] of SHAPES.entries()) {
      if (needsRoot(shape.port)) continue;
      const answer = await askShape(t, at, port);
      assert.equal(answer !== undefined, shape.answered, shape.name);
    }
  });

  test('chronyd answers the same ones alike', { skip: skipWithout('chronyd') }, async (t) => {
    const { port } = await useTimeServer(t);
    const theirs = await freePort();
    await useChronyd(t, ['local stratum 10', 'allow 127.0.0.0/8', `port ${theirs}`, 'bindaddress 127.0.0.1']);
    const different: string[] = [];
    for (const [at, shape] of SHAPES.entries()) {
      if (needsRoot(shape.port)) continue;
      const [ours, other] = [await askShape(t, at, port), await askShape(t, at, theirs)];
      if (ours !== other)
        different.push(`${shape.name}: ${ours ?? 'silence'}, chronyd ${other ?? 'silence'}`);
    }
    assert.deepEqual(different, []);
  });
});

// Requests of every shape, asked of Belfry and of a real chronyd side by side: the same ones are answered, with
// the same version and mode. After each shape comes a good request, so that silence is known for silence.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Dice } from '../../ntp/dice.ts';
import { SEED } from '../property/chance.ts';
import { SHAPES } from '../unit/ntp/shapes.ts';
import { type Asker, goodRequest, makeAsker, markOf, useChronyd, useTimeServer } from './ntp.ts';
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

const RANDOM_REQUESTS = 800;

/** A request made by chance: mostly version 4 and mode 3, with fields that are sound, or nearly. */
function randomRequest(dice: Dice): Buffer {
  const below = (limit: number) => (dice.word() >>> 0) % limit;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const octets = (size: number) => Buffer.from(Array.from({ length: size }, () => dice.word() & 0xff));
  const header = octets(48);
  header[0] =
    (below(4) << 6) | (pick([4, 4, 4, 4, 3, 2, 1, 0, 5]) << 3) | pick([3, 3, 3, 3, 3, 1, 1, 0, 2, 4, 6, 7]);
  const parts = [header];
  for (let fields = below(4); fields > 0; fields -= 1) {
    const size = pick([16, 16, 20, 24, 28, 28, 32, 36, 64, 0, 4, 8, 30, 200, 516]);
    const field = octets(Math.max(4, size + pick([0, 0, 0, 0, -4, 4])));
    field.writeUInt16BE(pick([UNKNOWN_FIELD, UNKNOWN_FIELD, 0x0104, 0x0204, 0x0404, 0xf323, 0x010a, 0]), 0);
    field.writeUInt16BE(size, 2);
    parts.push(field);
  }
  if (below(3) === 0)
    parts.push(pick([octets, Buffer.alloc])(pick([1, 4, 8, 12, 16, 20, 24, 28, 36, 52, 68, 72])));
  const whole = Buffer.concat(parts);
  return below(20) === 0 ? whole.subarray(0, below(whole.length)) : whole;
}

const UNKNOWN_FIELD = 0x7e57;

/** First octet and length of every answer to the request, in order. */
async function askRandom(asker: Asker, request: Buffer, mark: number, port: number): Promise<string> {
  asker.answers.length = 0;
  await asker.send(request, port, '127.0.0.1');
  await asker.send(goodRequest(mark), port, '127.0.0.1');
  await waitUntil('the good request is answered', () =>
    asker.answers.some(({ bytes }) => markOf(bytes) === mark),
  );
  const others = asker.answers.filter(({ bytes }) => markOf(bytes) !== mark);
  return others.map(({ bytes }) => `${(bytes[0] ?? 0) & 0x3f}/${bytes.length}`).join(' ');
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

  test('chronyd answers random ones alike', { skip: skipWithout('chronyd') }, async (t) => {
    const { port } = await useTimeServer(t);
    const theirs = await freePort();
    await useChronyd(t, ['local stratum 10', 'allow 127.0.0.0/8', `port ${theirs}`, 'bindaddress 127.0.0.1']);
    const [us, them] = [await makeAsker(t), await makeAsker(t)];
    const dice = new Dice([SEED, 1, 2, 3]);
    let answered = 0;
    for (let i = 0; i < RANDOM_REQUESTS; i += 1) {
      const request = randomRequest(dice);
      const [ours, other] = await Promise.all([
        askRandom(us, request, i, port),
        askRandom(them, request, i, theirs),
      ]);
      assert.equal(ours, other, `seed ${SEED}, request ${i}: ${request.toString('hex')}`);
      if (ours !== '') answered += 1;
    }
    assert.ok(answered > RANDOM_REQUESTS / 20, String(answered));
  });
});

// The sentence of an event carries what pairing needs: whatever the facts are and however processes, users and units
// call themselves, reading it back gives the same. Spans come back to the microsecond. Any other text is no event.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../../traffic/events/event.ts';
import { protocolName } from '../../traffic/events/names.ts';
import { PROC_HOWS } from '../../traffic/events/owner.ts';
import { readSentence } from '../../traffic/events/read-sentence.ts';
import { printMicros, readMicros } from '../../traffic/events/span.ts';
import { type ClockQuality, viewEndOf } from '../../traffic/events/view.ts';
import { fc } from './chance.ts';
import { factsOf, spanUs } from './traffic-facts.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    'x) [flow evil-1 client sent 2026-01-01T00:00:00.000000Z]',
    ') [flow',
    '](client a[1]',
    '"\\\n\u001b[31m',
    '; 9 packets, 9 bytes (9 data) to the server; 9 packets, 9 bytes (9 data) back',
    'timed out after 3 s',
  ),
);
const owner = fc.option(
  fc.record(
    {
      how: fc.constantFrom(...PROC_HOWS),
      process: hostile,
      pid: fc.nat(4_194_304),
      user: hostile,
      unit: hostile,
      container: fc.constant('0123456789ab'),
    },
    { requiredKeys: ['how'] },
  ),
  { nil: undefined },
);
const clock: fc.Arbitrary<ClockQuality | undefined> = fc.option(
  fc.record({ isSynced: fc.boolean(), accuracyUs: fc.option(fc.nat(16e6), { nil: undefined }) }),
  { nil: undefined },
);

function errorOf(quality: ClockQuality | undefined): number | undefined {
  if (quality && !quality.isSynced) return Number.POSITIVE_INFINITY;
  return quality?.accuracyUs;
}

test('a sentence read back is what was told', () => {
  fc.assert(
    fc.property(factsOf, owner, owner, clock, (facts, client, server, quality) => {
      const { sentence } = describe(facts, { client, server }, quality);
      const told = readSentence(sentence);
      assert.ok(told, sentence);
      const hasPorts = [6, 17, 132].includes(facts.protocol);
      assert.deepEqual(
        [told.turn, told.protocol, told.id, told.timeUs, told.isEndOwn, told.view, told.clockErrorUs],
        [
          facts.turn,
          protocolName(facts.protocol),
          facts.id,
          facts.timeUs,
          facts.isEndOwn,
          viewEndOf(facts),
          errorOf(quality),
        ],
      );
      assert.deepEqual(
        [told.clientAddress, told.clientPort, told.serverAddress, told.serverPort],
        [
          facts.clientAddress,
          hasPorts ? facts.clientPort : 0,
          facts.serverAddress,
          hasPorts ? facts.serverPort : 0,
        ],
      );
      if (facts.turn === 'opened') return;
      const isOver = facts.turn === 'closed' && facts.protocol !== 6;
      assert.equal(told.afterUs, facts.timeUs - facts.startUs);
      assert.deepEqual(told.packets, facts.packets);
      assert.deepEqual(told.payloadBytes, facts.payloadBytes);
      assert.deepEqual(told.retransmitted, facts.retransmitted);
      const saysBy = ['closed', 'reset', 'halfClosed'].includes(facts.turn) && !isOver;
      assert.equal(told.by, saysBy ? facts.by : undefined);
      assert.equal(told.rttUs, facts.protocol === 6 && facts.rttUs >= 0 ? facts.rttUs : undefined);
      assert.deepEqual(told.unreachable, facts.turn === 'refused' ? facts.unreachable : undefined);
      assert.equal(told.syns, facts.turn === 'noAnswer' ? facts.synCount : undefined);
      const isSilent = facts.turn === 'timeout' || isOver;
      assert.equal(told.silentUs, isSilent ? facts.timeUs - facts.lastUs : undefined);
      const isPaired = told.outstanding !== undefined;
      if (isPaired) assert.deepEqual(told.outstanding, facts.outstanding);
    }),
    { numRuns: 3000 },
  );
});

test('a sentence is one line of printable text with one mark, and no name ends a quotation', () => {
  fc.assert(
    fc.property(factsOf, owner, owner, (facts, client, server) => {
      const { sentence } = describe(facts, { client, server });
      assert.doesNotMatch(sentence, /[\p{Cc}\p{Zl}\p{Zp}"\\]/u);
      assert.equal(sentence.split('[flow ').length, 2);
      assert.match(sentence, /\[flow [^\]]+\]$/);
    }),
    { numRuns: 2000 },
  );
});

test('a span comes back to the microsecond', () => {
  fc.assert(
    fc.property(fc.oneof(spanUs, fc.nat({ max: 2 ** 50 })), (us) => {
      assert.equal(readMicros(printMicros(us)), us);
    }),
    { numRuns: 2000 },
  );
});

test('any other text is no event, and reading it never throws', () => {
  const piece = fc.constantFrom(
    'TCP ',
    '10.0.0.2:1',
    ' -> ',
    'reset by the server after 1 s',
    ' [flow a-1 client sent ',
    '2026-11-20T21:53:03.123456Z',
    ']',
    ' (client x[1])',
    ' ',
    '[::1]:70000',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
      ),
      (text) => {
        const told = readSentence(text);
        if (told) assert.match(text, /^TCP \S+ -> \S+ reset by the server.*\[flow a-1 client sent .*\]$/);
      },
    ),
    { numRuns: 3000 },
  );
});

// Suggestions for names with a slip in them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distance, nearest, suggestion } from '../../../base/nearest.ts';

const KEYS = ['fromHostIp', 'host', 'program', 'select', 'contains', 'regex'];

test('a slip finds the name that was meant', () => {
  const slips: Readonly<Record<string, string>> = {
    fromHostIP: 'fromHostIp',
    FROMHOSTIP: 'fromHostIp',
    hsot: 'host',
    hots: 'host',
    Host: 'host',
    progam: 'program',
    programm: 'program',
    regx: 'regex',
    cotnains: 'contains',
  };
  for (const [slip, name] of Object.entries(slips)) assert.equal(nearest(slip, KEYS), name, slip);
});

test('what is far away finds nothing', () => {
  for (const word of ['colour', 'x', '', 'facility', 'x'.repeat(10_000)])
    assert.equal(nearest(word, KEYS), undefined, word.slice(0, 20));
});

test('two neighbours swapped cost as much as one letter', () => {
  assert.equal(distance('abcd', 'abdc'), 1);
  assert.equal(distance('abcd', 'abxd'), 1);
  assert.equal(distance('abcd', 'abd'), 1);
  assert.equal(distance('abcd', 'abcde'), 1);
  assert.equal(distance('', 'abc'), 3);
  assert.ok(distance('abcd', 'ABCD') < 1);
});

test('a suggestion is a sentence, or nothing', () => {
  assert.equal(suggestion('hsot', KEYS), 'Did you mean "host"? ');
  assert.equal(suggestion('colour', KEYS), '');
});

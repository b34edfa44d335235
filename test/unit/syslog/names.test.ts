// The words for facilities and severities: canonical names, aliases, numbers, and nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FACILITIES,
  FACILITY_WORDS,
  facilityName,
  facilityNumber,
  SEVERITIES,
  SEVERITY_WORDS,
  severityName,
  severityNumber,
} from '../../../syslog/names.ts';

test('every canonical name stands at its number, in any case', () => {
  assert.equal(FACILITIES.length, 24);
  assert.equal(SEVERITIES.length, 8);
  for (const [number, name] of FACILITIES.entries()) assert.equal(facilityNumber(name.toUpperCase()), number);
  for (const [number, name] of SEVERITIES.entries()) assert.equal(severityNumber(name.toUpperCase()), number);
  assert.equal(facilityName(165), 'local4');
  assert.equal(severityName(165), 'notice');
});

test('aliases and numbers are understood', () => {
  assert.equal(facilityNumber('security'), facilityNumber('auth'));
  assert.equal(severityNumber('panic'), severityNumber('emerg'));
  assert.equal(severityNumber('error'), severityNumber('err'));
  assert.equal(severityNumber('warn'), severityNumber('warning'));
  assert.equal(facilityNumber('23'), 23);
  assert.equal(severityNumber('0'), 0);
});

test('all words for suggestions are understood, and others are not', () => {
  for (const word of FACILITY_WORDS) assert.notEqual(facilityNumber(word), undefined, word);
  for (const word of SEVERITY_WORDS) assert.notEqual(severityNumber(word), undefined, word);
  for (const word of ['', 'local8', '24', '-1', '1e0', ' auth', 'toString'])
    assert.equal(facilityNumber(word), undefined, word);
  for (const word of ['', 'none', '*', '8', '07x', 'constructor'])
    assert.equal(severityNumber(word), undefined, word);
});

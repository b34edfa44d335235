// The selector language against what sysklogd's manual page says of it, and against an own slow reading.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FACILITIES, SEVERITIES } from '../../../syslog/names.ts';
import { compileSelector, PRI_COUNT } from '../../../syslog/selector.ts';

function selected(text: string): string[] {
  const compiled = compileSelector(text);
  assert.ok(compiled.ok, `${text} compiles`);
  const names: string[] = [];
  for (let pri = 0; pri < PRI_COUNT; pri++) {
    if (compiled.table[pri]) names.push(`${FACILITIES[pri >> 3]}.${SEVERITIES[pri & 7]}`);
  }
  return names;
}

function refused(text: string): { at: number; what: string; mend: string } {
  const compiled = compileSelector(text);
  assert.ok(!compiled.ok, `${text} is refused`);
  return compiled;
}

const mail = (...severities: string[]) => severities.map((name) => `mail.${name}`);

test('a severity means itself and all that is more severe', () => {
  assert.deepEqual(selected('mail.err'), mail('emerg', 'alert', 'crit', 'err'));
  assert.deepEqual(selected('mail.emerg'), mail('emerg'));
  assert.equal(selected('mail.debug').length, 8);
  assert.equal(selected('*.*').length, PRI_COUNT);
  assert.equal(selected('*.debug').length, PRI_COUNT);
});

test('= means one severity, ! takes away, none takes all away', () => {
  assert.deepEqual(selected('mail.=info'), mail('info'));
  assert.deepEqual(selected('mail.*;mail.!info'), mail('debug'));
  assert.deepEqual(
    selected('mail.*;mail.!=info'),
    mail('emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'debug'),
  );
  assert.deepEqual(selected('mail.=err;mail.=info'), mail('err', 'info'));
  assert.deepEqual(selected('mail.*;mail.none;mail.=crit'), mail('crit'));
  assert.deepEqual(selected('mail.*;mail.!*'), []);
  assert.deepEqual(selected('mail.none'), []);
  assert.equal(selected('mail.!none').length, 8);
});

test('parts are applied from left to right', () => {
  assert.deepEqual(selected('*.=crit;kern.none').includes('kern.crit'), false);
  assert.deepEqual(selected('kern.none;*.=crit').includes('kern.crit'), true);
  const all = selected('*.*;auth,authpriv.none;cron.!warn');
  assert.equal(all.length, PRI_COUNT - 16 - 5);
});

test('names in any case, aliases, numbers, spaces and lists', () => {
  const plain = selected('auth,authpriv.*;mail.err;kern.=debug');
  assert.deepEqual(selected(' AUTH , security,10 . * ; 2.3;; Kern. = 7 ; '), plain);
  assert.deepEqual(selected('*.!=info;*.error'), selected('*.err'));
  assert.deepEqual(selected('mark.*;mail.=err'), mail('err'));
});

test('what is not understood is refused with its place and the nearest name', () => {
  const facility = refused('mail.err; autpriv.*');
  assert.equal(facility.at, 10);
  assert.match(facility.what, /"autpriv" is not a facility/);
  assert.match(facility.mend, /authpriv/);
  const severity = refused('mail.!=inof');
  assert.equal(severity.at, 7);
  assert.match(severity.mend, /info/);
  assert.match(refused('mail').what, /no dot/);
  assert.match(refused('mail.').what, /severity is missing/);
  assert.match(refused('.err').what, /facility is missing/);
  assert.match(refused('mail,.err').what, /facility is missing/);
  assert.match(refused(' ; ').what, /empty/);
  for (const text of ['mail.8', '24.err', 'mail.err.crit', 'mail.!!err', 'x'.repeat(5000)]) refused(text);
});

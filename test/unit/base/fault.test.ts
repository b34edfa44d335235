// How trouble is told to a person, and with which exit code a process ends over it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, EXIT, Fault, FAULTS, printFault, printPlace } from '../../../base/fault.ts';

test('what, where and mend, in that order', () => {
  const fault = new Fault('CONFIG_UNKNOWN_KEY', {
    what: '"fromHostIP" is not a key of a rule\'s match.',
    where: '/etc/belfry/server.json, line 14, column 7: rules[2].match.fromHostIP',
    mend: 'Did you mean "fromHostIp"?',
  });
  assert.equal(
    printFault(fault),
    [
      'CONFIG_UNKNOWN_KEY  "fromHostIP" is not a key of a rule\'s match.',
      '  where  /etc/belfry/server.json, line 14, column 7: rules[2].match.fromHostIP',
      '  mend   Did you mean "fromHostIp"?',
    ].join('\n'),
  );
  assert.ok(fault instanceof Error);
  assert.equal(fault.message, fault.text.what);
});

test('what is not known is not printed', () => {
  assert.equal(printFault(new Fault('SEND_FAILED', { what: 'It broke.' })), 'SEND_FAILED  It broke.');
});

test('a place names its key, and the file as a whole has none', () => {
  const place = { file: 'server.json', line: 2, column: 5, key: 'syslog.listen[0]' };
  assert.equal(printPlace(place), 'server.json, line 2, column 5: syslog.listen[0]');
  assert.equal(printPlace({ ...place, key: '' }), 'server.json, line 2, column 5');
});

test('every fault has a meaning in a whole sentence and an exit code of sysexits', () => {
  const codes: readonly number[] = Object.values(EXIT).filter((exit) => exit !== EXIT.ok);
  for (const [code, { exit, means }] of Object.entries(FAULTS)) {
    assert.match(code, /^[A-Z]+(_[A-Z]+)+$/);
    assert.match(means, /^[A-Z].*\.$/, code);
    assert.ok(codes.includes(exit), code);
  }
  assert.equal(new Fault('LISTEN_PERMISSION', { what: 'x' }).exit, 77);
  assert.equal(new Fault('LISTEN_IN_USE', { what: 'x' }).exit, 78);
});

test('the name of a failed system call, and of nothing else', () => {
  assert.equal(codeOf(Object.assign(new Error('x'), { code: 'ENOSPC' })), 'ENOSPC');
  for (const other of [
    new Error('x'),
    'ENOSPC',
    undefined,
    { code: 'X' },
    Object.assign(new Error('x'), { code: 7 }),
  ]) {
    assert.equal(codeOf(other), undefined);
  }
});

// Each key of a rule's match, by itself and together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Match } from '../../../config/server.ts';
import { compileMatch } from '../../../daemon/route/matcher.ts';
import { LogRecord } from '../../../syslog/record.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { factsOf } from '../../../daemon/route/decisions.ts';
import { peerAt } from './lane-parts.ts';
import { range } from './samples.ts';

/** Whether a rule with this match takes the message. */
function takes(match: Match | undefined, message: string, from = '172.31.101.79'): boolean {
  const record = new LogRecord();
  const bytes = Buffer.from(message);
  parseMessage(record, bytes, 0, bytes.length);
  const facts = factsOf(record, peerAt(from));
  return compileMatch(match).every((one) => (one.kind === 'header' ? one.holds(facts) : one.holds(record)));
}

const SSHD = '<86>Nov 20 12:34:15 Web1 sshd[42]: Accepted publickey for root';

test('no match is every message', () => {
  assert.ok(takes(undefined, SSHD));
  assert.ok(takes({}, ''));
});

test('fromHostIp is the peer, by address or range, in both families', () => {
  assert.ok(takes({ fromHostIp: [range('172.31.101.79')] }, SSHD));
  assert.ok(takes({ fromHostIp: [range('10.0.0.0/8'), range('172.31.96.0/20')] }, SSHD));
  assert.ok(!takes({ fromHostIp: [range('172.31.101.78')] }, SSHD));
  assert.ok(takes({ fromHostIp: [range('fd00::/8')] }, SSHD, 'fd00::7'));
  assert.ok(takes({ fromHostIp: [range('10.0.0.0/8')] }, SSHD, '::ffff:10.1.2.3'));
  assert.ok(!takes({ fromHostIp: [range('0.0.0.0/0')] }, SSHD, '::1'));
});

test('host is a glob without case; of a message without one it is the address of the sender', () => {
  assert.ok(takes({ host: ['web*'] }, SSHD));
  assert.ok(takes({ host: ['db?', 'WEB?'] }, SSHD));
  assert.ok(!takes({ host: ['web'] }, SSHD));
  assert.ok(takes({ host: ['172.31.101.*'] }, 'no header at all'));
});

test('program is a glob with case, without the process id', () => {
  assert.ok(takes({ program: ['sshd'] }, SSHD));
  assert.ok(takes({ program: ['cron', 'ssh*'] }, SSHD));
  assert.ok(!takes({ program: ['SSHD'] }, SSHD));
});

test('select is the selector language', () => {
  assert.ok(takes({ select: ['auth,authpriv.*'] }, SSHD));
  assert.ok(!takes({ select: ['authpriv.err'] }, SSHD));
  assert.ok(takes({ select: ['mail.*', 'authpriv.=info'] }, SSHD));
});

test('contains is bytes within the text; the header does not count', () => {
  assert.ok(takes({ contains: ['publickey'] }, SSHD));
  assert.ok(takes({ contains: ['nothing', 'for root'] }, SSHD));
  assert.ok(!takes({ contains: ['sshd'] }, SSHD));
  assert.ok(!takes({ contains: ['PUBLICKEY'] }, SSHD));
  assert.ok(takes({ contains: ['grün'] }, '<13>Nov 20 12:34:15 h a: es ist grün'));
});

test('a regex is asked of the text, and flags count', () => {
  assert.ok(takes({ regex: [{ source: '^Accepted \\w+', flags: '' }] }, SSHD));
  assert.ok(!takes({ regex: [{ source: '^accepted', flags: '' }] }, SSHD));
  assert.ok(takes({ regex: [{ source: '^accepted', flags: 'i' }] }, SSHD));
  assert.ok(
    takes(
      {
        regex: [
          { source: 'x', flags: '' },
          { source: 'root$', flags: '' },
        ],
      },
      SSHD,
    ),
  );
});

test('all keys must hold', () => {
  const match: Match = {
    fromHostIp: [range('172.31.101.79')],
    host: ['web1'],
    program: ['sshd'],
    select: ['authpriv.info'],
    contains: ['root'],
    regex: [{ source: 'key', flags: '' }],
  };
  assert.ok(takes(match, SSHD));
  const spoilt: Match[] = [
    { ...match, fromHostIp: [range('10.0.0.0/8')] },
    { ...match, host: ['db*'] },
    { ...match, program: ['cron'] },
    { ...match, select: ['kern.*'] },
    { ...match, contains: ['admin'] },
    { ...match, regex: [{ source: 'password', flags: '' }] },
  ];
  for (const one of spoilt) assert.ok(!takes(one, SSHD), JSON.stringify(one));
});

test('each test says what it wants, for the explainer', () => {
  const tests = compileMatch({ fromHostIp: [range('10.0.0.0/8')], host: ['a', 'b'], contains: ['x"y'] });
  assert.deepEqual(
    tests.map(({ key, wants }) => [key, wants]),
    [
      ['fromHostIp', '"10.0.0.0/8"'],
      ['host', '"a" or "b"'],
      ['contains', '"x\\"y"'],
    ],
  );
});

test('certName: globs in either case, and nobody without a certificate', () => {
  const facts = { peer: peerAt('10.0.0.1').address, pri: 13, host: 'web1', program: 'app' };
  const [certName] = compileMatch({ certName: ['*.Example.org', 'db?'] });
  assert.ok(certName?.kind === 'header');
  const holds = (name: string) => certName.holds({ ...facts, certName: name });
  assert.deepEqual(['WEB1.example.ORG', 'db7', 'db77', 'example.org', ''].map(holds), [
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.equal(certName.holds({ ...facts, certName: undefined }), false);
  assert.equal(certName.holds(facts), false);
  assert.equal(certName.wants, '"*.Example.org" or "db?"');
});

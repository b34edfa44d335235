// Which files a message goes to: order, stop, discard, tests of the text; what is kept of it and for how long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogFile } from '../../../daemon/files/log-file.ts';
import { askSteps, type Decision, Decisions } from '../../../daemon/route/decisions.ts';
import { compileRules } from '../../../daemon/route/rules.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { LogRecord } from '../../../syslog/record.ts';
import { peerAt } from './lane-parts.ts';
import { config, type RuleWish, target } from './samples.ts';

const ROOT = '/var/log/belfry';
const to = (path: string) => target(path, ROOT);

class Router {
  readonly decisions: Decisions;
  forgotten = 0;
  asked = 0;
  readonly #files = new Map<string, LogFile>();

  constructor(rules: readonly RuleWish[]) {
    this.decisions = new Decisions({
      rules: compileRules(config(ROOT, rules).rules),
      file: (path, target) => {
        const file = this.#files.get(path) ?? new LogFile(path, target);
        this.#files.set(path, file);
        return file;
      },
      sender: () => {
        this.asked += 1;
        return 0;
      },
      senderUse: () => 0,
      forgotten: () => {
        this.forgotten += 1;
      },
    });
    this.decisions.setTime(Date.UTC(2026, 10, 20, 12));
  }

  find(message: string, from = '192.0.2.7'): { decision: Decision; record: LogRecord } {
    const record = new LogRecord();
    const bytes = Buffer.from(message);
    parseMessage(record, bytes, 0, bytes.length);
    return { decision: this.decisions.find(record, peerAt(from)), record };
  }

  /** Paths below the root, or why there are none. */
  route(message: string, from?: string): string[] | 'discarded' | 'unrouted' {
    const { decision, record } = this.find(message, from);
    const files: LogFile[] = [];
    let discards = decision.discards;
    if (decision.steps) discards = askSteps(decision.steps, record, files);
    else files.push(...decision.files);
    if (files.length === 0) return discards ? 'discarded' : 'unrouted';
    return files.map(({ path }) => path.slice(ROOT.length + 1));
  }
}

const SSHD = '<86>Nov 20 12:34:15 web1 sshd[42]: Accepted publickey';
const CRON = '<78>Nov 20 12:34:15 web1 cron: (root) CMD';

test('rules run in order, and each that matches writes', () => {
  const router = new Router([
    { match: { program: ['sshd'] }, file: to('ssh.log') },
    { file: to('{host}.log') },
    { match: { host: ['db*'] }, file: to('db.log') },
  ]);
  assert.deepEqual(router.route(SSHD), ['ssh.log', 'web1.log']);
  assert.deepEqual(router.route(CRON), ['web1.log']);
});

test('stop ends the evaluation for what matches, and for nothing else', () => {
  const router = new Router([
    { match: { program: ['sshd'] }, file: to('ssh.log'), stop: true },
    { file: to('all.log') },
  ]);
  assert.deepEqual(router.route(SSHD), ['ssh.log']);
  assert.deepEqual(router.route(CRON), ['all.log']);
});

test('stop behind a test of the text depends on the text', () => {
  const router = new Router([
    { match: { contains: ['Accepted'] }, file: to('logins.log'), stop: true },
    { file: to('all.log') },
  ]);
  assert.deepEqual(router.route(SSHD), ['logins.log']);
  assert.deepEqual(router.route(SSHD.replace('Accepted', 'Refused')), ['all.log']);
  assert.deepEqual(router.route(SSHD), ['logins.log']);
});

test('discard throws away what no earlier rule has written', () => {
  const router = new Router([
    { match: { program: ['sshd'] }, file: to('ssh.log') },
    { match: { host: ['web*'] }, discard: true },
    { file: to('all.log') },
  ]);
  assert.deepEqual(router.route(SSHD), ['ssh.log']);
  assert.equal(router.route(CRON), 'discarded');
  assert.deepEqual(router.route(CRON.replace('web1', 'db1')), ['all.log']);
});

test('discard behind a test of the text', () => {
  const router = new Router([{ match: { contains: ['CMD'] }, discard: true }, { file: to('all.log') }]);
  assert.equal(router.route(CRON), 'discarded');
  assert.deepEqual(router.route(SSHD), ['all.log']);
});

test('a message that no rule wants', () => {
  assert.equal(new Router([{ match: { program: ['x'] }, file: to('x.log') }]).route(SSHD), 'unrouted');
  assert.equal(new Router([{ match: { contains: ['x='] }, file: to('x.log') }]).route(SSHD), 'unrouted');
});

test('two rules that lead to one file write it once', () => {
  const router = new Router([{ file: to('{host}.log') }, { file: to('web1.log') }]);
  assert.deepEqual(router.route(SSHD), ['web1.log']);
  const asking = new Router([{ match: { contains: ['key'] }, file: to('a.log') }, { file: to('a.log') }]);
  assert.deepEqual(asking.route(SSHD), ['a.log']);
});

test('words of the message and of its sender', () => {
  const router = new Router([{ file: to('{fromHostIp}/{host}/{facility}/{severity}/{program}') }]);
  assert.deepEqual(router.route(SSHD), ['192.0.2.7/web1/authpriv/info/sshd']);
  assert.deepEqual(router.route('without header', '2001:db8::1'), [
    '2001:db8::1/2001:db8::1/user/notice/unknown',
  ]);
});

test('a kind is decided once; only what rules look at makes a kind', () => {
  const router = new Router([{ file: to('{host}.log') }]);
  const first = router.find(SSHD).decision;
  assert.equal(router.find(CRON).decision, first, 'neither PRI nor program matters');
  assert.notEqual(router.find(SSHD.replace('web1', 'web2')).decision, first);
  assert.equal(router.asked, 2);
  const byProgram = new Router([{ file: to('{program}.log') }]);
  assert.notEqual(byProgram.find(SSHD).decision, byProgram.find(CRON).decision);
});

test('one sender is not another, though their messages are the same', () => {
  const router = new Router([{ file: to('{fromHostIp}.log') }]);
  const record = new LogRecord();
  const bytes = Buffer.from(SSHD);
  parseMessage(record, bytes, 0, bytes.length);
  const path = (id: number, from: string) =>
    router.decisions.find(record, peerAt(from, undefined, id)).files[0]?.path;
  assert.equal(path(1, '10.0.0.1'), `${ROOT}/10.0.0.1.log`);
  assert.equal(path(2, '10.0.0.2'), `${ROOT}/10.0.0.2.log`);
  assert.equal(path(1, '10.0.0.1'), `${ROOT}/10.0.0.1.log`);
});

test('a kept decision does not change with the bytes that it was made from', () => {
  const router = new Router([{ file: to('{host}.log') }]);
  const record = new LogRecord();
  const bytes = Buffer.from(SSHD);
  parseMessage(record, bytes, 0, bytes.length);
  const first = router.decisions.find(record, peerAt('192.0.2.7'));
  bytes.write('db77', bytes.indexOf('web1'));
  parseMessage(record, bytes, 0, bytes.length);
  assert.equal(router.decisions.find(record, peerAt('192.0.2.7')).files[0]?.path, `${ROOT}/db77.log`);
  assert.equal(first.files[0]?.path, `${ROOT}/web1.log`);
  assert.deepEqual(router.route(SSHD), ['web1.log']);
});

test('a flood of invented hosts and of endless names costs no memory without end', () => {
  const router = new Router([{ file: to('all.log') }]);
  for (let at = 0; at < 120_000; at += 1) router.find(`<13>Nov 20 12:34:15 host-${at} app: x`);
  assert.ok(router.decisions.count < 32_768 * 0.76, `${router.decisions.count}`);
  assert.equal(router.forgotten, 4);
  assert.deepEqual(router.route(SSHD), ['all.log']);
  const long = new Router([{ file: to('all.log') }]);
  let kept = 0;
  for (let at = 0; at < 600; at += 1) {
    const { decision } = long.find(`<13>1 2026-11-20T12:34:15Z ${'h'.repeat(60_000)}${at} app - - - x`);
    kept = Math.max(kept, decision.host.length);
  }
  assert.ok(kept < 1000 || long.forgotten > 0, 'either long names are not kept or they are forgotten');
});

/** Local time, as the date words are. */
const at = (day: number, hour: number, minute = 0, second = 0) =>
  new Date(2026, 10, day, hour, minute, second).getTime();

test('date words roll over with the hour and the day', () => {
  const router = new Router([{ file: to('{date}/{hour}-{year}{month}{day}.log') }]);
  router.decisions.setTime(at(20, 22, 59, 59));
  assert.deepEqual(router.route(SSHD), ['2026-11-20/22-20261120.log']);
  router.decisions.setTime(at(20, 23));
  assert.deepEqual(router.route(SSHD), ['2026-11-20/23-20261120.log']);
  router.decisions.setTime(at(21, 0) - 1);
  assert.deepEqual(router.route(SSHD), ['2026-11-20/23-20261120.log']);
  router.decisions.setTime(at(21, 0));
  assert.deepEqual(router.route(SSHD), ['2026-11-21/00-20261121.log']);
});

test('a clock that is set back takes the date back', () => {
  const router = new Router([{ file: to('{date}.log') }]);
  router.decisions.setTime(at(21, 0, 30));
  assert.deepEqual(router.route(SSHD), ['2026-11-21.log']);
  router.decisions.setTime(at(20, 23, 30));
  assert.deepEqual(router.route(SSHD), ['2026-11-20.log']);
});

test('within the hour, and without date words, nothing is forgotten', () => {
  const dated = new Router([{ file: to('{hour}.log') }]);
  dated.decisions.setTime(at(20, 12));
  const before = dated.forgotten;
  for (let minute = 0; minute < 60; minute += 1) dated.decisions.setTime(at(20, 12, minute));
  assert.equal(dated.forgotten, before);
  const plain = new Router([{ file: to('{host}.log') }]);
  plain.decisions.setTime(at(25, 3));
  assert.equal(plain.forgotten, 0);
});

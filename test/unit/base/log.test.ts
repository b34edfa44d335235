// The program's own log: for a person, for the journal, for a collector.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import { type LogForm, type LogLevel, openLog } from '../../../base/log.ts';

function useLog(form: LogForm, level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = openLog(level, form, (text) => lines.push(text));
  return { log, lines };
}

test('for a person: time, level, sentence, facts', () => {
  const { log, lines } = useLog('text');
  log.info('Listening on udp://0.0.0.0:514.', {
    event: 'listening',
    count: 2,
    odd: 'two words',
    none: undefined,
  });
  assert.match(
    lines[0] ?? '',
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {2}Listening on udp:\/\/0\.0\.0\.0:514\. event=listening count=2 odd="two words"\n$/,
  );
});

test('for the journal: every line begins with its priority', () => {
  const { log, lines } = useLog('journal', 'debug');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d\ne');
  log.fault(new Fault('LISTEN_IN_USE', { what: 'Taken.', where: 'udp://x', mend: 'Stop it.' }));
  assert.deepEqual(lines, [
    '<7>a\n',
    '<6>b\n',
    '<4>c\n',
    '<3>d\n<3>e\n',
    '<3>LISTEN_IN_USE  Taken.\n<3>  where  udp://x\n<3>  mend   Stop it.\n',
  ]);
});

test('for a collector: one JSON object a line, whatever the sentence holds', () => {
  const { log, lines } = useLog('json');
  log.warn('two\nlines "quoted"', { path: '/a b', n: 1 });
  log.fault(new Fault('LISTEN_IN_USE', { what: 'Taken.', where: 'udp://x' }));
  const [first, second] = lines.map((line) => {
    assert.equal(line.indexOf('\n'), line.length - 1);
    return JSON.parse(line) as Record<string, unknown>;
  });
  assert.deepEqual(
    { msg: first?.['msg'], path: first?.['path'], n: first?.['n'], level: first?.['level'] },
    { msg: 'two\nlines "quoted"', path: '/a b', n: 1, level: 40 },
  );
  assert.equal(typeof first?.['time'], 'number');
  assert.equal(second?.['code'], 'LISTEN_IN_USE');
  assert.equal(second?.['where'], 'udp://x');
});

test('a fact is no sentence of its own: line ends in it are written out', () => {
  const { log, lines } = useLog('journal');
  log.info('x', { host: 'a\n<0>forged' });
  assert.deepEqual(lines, ['<6>x host="a\\n<0>forged"\n']);
});

test('what is below the level is not written, and the level can change', () => {
  const { log, lines } = useLog('journal', 'warn');
  log.info('no');
  log.setLevel('debug');
  log.debug('yes');
  log.setLevel('error');
  log.warn('no');
  assert.deepEqual(lines, ['<7>yes\n']);
});

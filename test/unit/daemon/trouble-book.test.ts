// What the log says of files that cannot be written: at once, then once a minute, and when it is over. In
// virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FILE_TROUBLE_TEXT, FILE_TROUBLES, troubleOf } from '../../../daemon/files/trouble.ts';
import { TroubleBook } from '../../../daemon/files/trouble-book.ts';
import { KeptLog } from './samples.ts';

function useBook() {
  const log = new KeptLog();
  const clock = { nowMs: Date.UTC(2026, 10, 20, 12) };
  return { log, clock, book: new TroubleBook(log, () => clock.nowMs) };
}

test('one line at once, with the file, the reason and the way out', () => {
  const { log, book } = useBook();
  book.troubled(1, '/var/log/web1.log', 'disk_full', 'ENOSPC');
  assert.equal(log.entries.length, 1);
  assert.equal(log.entries[0]?.level, 'error');
  assert.match(
    log.texts[0] ?? '',
    /^Cannot write \/var\/log\/web1\.log: the disk or the quota is full \(ENOSPC\)\./,
  );
  assert.match(log.texts[0] ?? '', /Make room/);
});

test('a thousand files on four lanes for an hour are one line a minute', () => {
  const { log, clock, book } = useBook();
  for (let second = 0; second < 3600; second += 1) {
    for (let at = 0; at < 5; at += 1) {
      book.troubled((at % 4) + 1, `/log/${(second * 5 + at) % 1000}.log`, 'disk_full', 'ENOSPC');
    }
    book.tick();
    clock.nowMs += 1000;
  }
  assert.equal(log.entries.length, 60);
  assert.match(log.texts.at(-1) ?? '', /and 999 more/);
  assert.equal(log.entries.at(-1)?.facts['lasts'], '59 min');
});

test('it is told when it is over, and for how long it lasted', () => {
  const { log, clock, book } = useBook();
  book.troubled(1, '/a', 'disk_full', 'ENOSPC');
  book.troubled(2, '/a', 'disk_full', 'ENOSPC');
  clock.nowMs += 90_000;
  book.recovered(1, '/a');
  book.tick();
  assert.equal(log.entries.filter(({ level }) => level === 'info').length, 0, 'one lane still has it');
  book.recovered(2, '/a');
  book.tick();
  assert.equal(log.texts.at(-1), 'All files can be written again (disk full, after 1 min 30 s).');
  const count = log.entries.length;
  for (let second = 0; second < 600; second += 1) {
    clock.nowMs += 1000;
    book.tick();
  }
  assert.equal(log.entries.length, count);
});

test('trouble that comes and goes all the time is no flood of lines', () => {
  const { log, clock, book } = useBook();
  for (let second = 0; second < 600; second += 1) {
    book.troubled(1, '/a', 'busy', 'EAGAIN');
    book.recovered(1, '/a');
    book.tick();
    clock.nowMs += 1000;
  }
  assert.ok(log.entries.length <= 20, `${log.entries.length} lines in ten minutes`);
});

test('kinds of trouble are told apart', () => {
  const { log, book } = useBook();
  book.troubled(1, '/a', 'disk_full', 'ENOSPC');
  book.troubled(1, '/b', 'permission', 'EACCES');
  assert.equal(log.entries.length, 2);
  assert.deepEqual(
    book.list().map(({ path, trouble, error }) => [path, trouble, error]),
    [
      ['/a', 'disk_full', 'ENOSPC'],
      ['/b', 'permission', 'EACCES'],
    ],
  );
});

test('a file that two lanes cannot write is listed once, with the time since when', () => {
  const { clock, book } = useBook();
  book.troubled(1, '/a', 'disk_full', 'ENOSPC');
  clock.nowMs += 1000;
  book.troubled(2, '/a', 'disk_full', 'ENOSPC');
  assert.deepEqual(book.list(), [
    { path: '/a', trouble: 'disk_full', error: 'ENOSPC', since: '2026-11-20T12:00:00.000Z' },
  ]);
});

test('a disk that fills under all of many files does not stop the main thread', () => {
  const { log, book } = useBook();
  const startedAt = performance.now();
  for (let at = 0; at < 50_000; at += 1) book.troubled(1, `/log/${at}.log`, 'disk_full', 'ENOSPC');
  assert.ok(performance.now() - startedAt < 5000);
  assert.equal(log.entries.length, 1);
  assert.equal(book.list().length, 50_000);
});

test('every trouble has words and a way out', () => {
  for (const trouble of FILE_TROUBLES) {
    assert.match(FILE_TROUBLE_TEXT[trouble].what, /^[a-z]/);
    assert.match(FILE_TROUBLE_TEXT[trouble].mend, /^[A-Z].*\.$/);
  }
  const named = (code: string) => troubleOf(Object.assign(new Error(code), { code }));
  assert.deepEqual(
    ['ENOSPC', 'EDQUOT', 'EFBIG', 'EACCES', 'EROFS', 'EISDIR', 'EMFILE', 'EAGAIN', 'EIO', 'EWHATEVER'].map(
      named,
    ),
    [
      'disk_full',
      'disk_full',
      'disk_full',
      'permission',
      'read_only',
      'not_a_file',
      'too_many_open',
      'busy',
      'io_error',
      'io_error',
    ],
  );
  assert.equal(troubleOf('text'), 'io_error');
});

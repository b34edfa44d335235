// No message chooses a path outside the root of its rule, or one that hides, commands a terminal, or is no
// name for a file system. Whatever the template, whatever the words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from './chance.ts';
import type { FileTarget } from '../../config/server.ts';
import { parseTemplate, placeTemplate } from '../../config/template.ts';
import { pathOf, type WordValues } from '../../daemon/route/path.ts';
import { safePart } from '../../daemon/route/path-word.ts';

const VALUES: WordValues = {
  host: 'web1',
  fromHostIp: '192.0.2.7',
  program: 'app',
  facility: 'user',
  severity: 'info',
  date: '2026-11-20',
  year: '2026',
  month: '11',
  day: '20',
  hour: '12',
};

function target(text: string): FileTarget {
  return {
    ...placeTemplate(parseTemplate(text), '/var/log/belfry'),
    format: 'traditional',
    mode: 0o640,
    directoryMode: 0o750,
    uid: undefined,
    gid: undefined,
    sync: 'none',
    rotate: undefined,
  };
}

/** Bytes as they come off the wire, as the router reads them. */
const fromBytes = (...bytes: number[]) => Buffer.from(bytes).toString('utf8');

const NASTY: readonly string[] = [
  '',
  '.',
  '..',
  '...',
  '/',
  '//',
  '../../etc/passwd',
  '..\\..\\windows',
  '/etc/passwd',
  'a/../../b',
  '.hidden',
  '.\u202e..',
  '\0',
  'a\0b',
  'line\nbreak',
  'carriage\rreturn',
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b31m',
  '\u0085',
  '\u2028\u2029',
  '\u202eexe.gpj',
  '\u2066\u2069\u200e\u200f\u061c',
  '\ufeff',
  '\u200b',
  '\ud800',
  '\udfff\ud800',
  fromBytes(0xc0, 0xaf, 0x2e, 0x2e),
  fromBytes(0xff, 0xfe, 0x80),
  fromBytes(0xc2, 0x9b, 0x6d),
  'x'.repeat(4096),
  '/'.repeat(4096),
  '.'.repeat(4096),
  '😀'.repeat(1024),
  `${'ä'.repeat(500)}\0`,
  '~',
  '-rf',
  ' ',
  '*',
  '$(reboot)',
  'CON',
  '{host}',
];

const TEMPLATES: readonly string[] = [
  '{host}',
  '{host}.log',
  '{host}/{program}.log',
  '{fromHostIp}/{host}/{program}-{date}.log',
  'a{host}b{program}c/d{host}',
  '.{host}',
  '{host}{program}',
  '/srv/{host}/x.log',
  '/var/log/hosts-{host}.log',
  'fixed/name.log',
];

// oxlint-disable-next-line no-control-regex -- that is what must not be there
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\u061c\ufeff]/;

function checkPath(wanted: FileTarget, values: WordValues): void {
  const path = pathOf(wanted, values);
  const root = wanted.root === '/' ? '/' : `${wanted.root}/`;
  assert.ok(path.startsWith(root), path);
  const names = path.slice(root.length).split('/');
  const outline = wanted.parts.map((part) => (part.kind === 'text' ? part.text : 'w')).join('');
  assert.equal(names.length, outline.split('/').length, `one part for each of ${wanted.template}: ${path}`);
  for (const name of names) {
    assert.notEqual(name, '', path);
    assert.ok(!name.startsWith('.'), `hidden: ${path}`);
    assert.ok(Buffer.byteLength(name) <= 255, `too long: ${path}`);
    assert.ok(!CONTROL.test(name), JSON.stringify(path));
    assert.ok(!/\p{Cs}/u.test(name), JSON.stringify(path));
  }
}

test('nasty words in every template', () => {
  for (const text of TEMPLATES) {
    for (const host of NASTY) {
      for (const program of NASTY) checkPath(target(text), { ...VALUES, host, program });
    }
  }
});

const anyWord = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
  fc
    .array(fc.constantFrom('.', '/', '\\', '\0', 'a', '\u202e'), { maxLength: 12 })
    .map((all) => all.join('')),
);

test('any words in any template', () => {
  const piece = fc.constantFrom('/', '-', 'a', '.log', '{host}', '{program}', '{date}');
  const template = fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map((all) => all.join(''))
    .filter((text) => parseTemplate(text).problems.length === 0)
    // A dot of the operator's own at the beginning of a part without words is the operator's business.
    .filter((text) => !/(^|\/)\.[^{}/]*(\/|$)/.test(text));
  fc.assert(
    fc.property(template, anyWord, anyWord, (text, host, program) => {
      checkPath(target(text), { ...VALUES, host, program });
    }),
    { numRuns: 20_000 },
  );
});

test('an honest word stays as it is', () => {
  const letters = fc.constantFrom(...'abcxyzABC0189-_.:äß東京😀 '.split(''), '😀');
  const honest = fc
    .array(letters, { minLength: 1, maxLength: 40 })
    .map((all) => all.join(''))
    .filter((text) => !/\p{Cs}/u.test(text) && !text.startsWith('.'));
  fc.assert(
    fc.property(honest, (host) => {
      assert.equal(pathOf(target('{host}'), { ...VALUES, host }), `/var/log/belfry/${host}`);
    }),
  );
});

test('long words that differ stay two, however late they differ', () => {
  const length = fc.integer({ min: 230, max: 5000 });
  fc.assert(
    fc.property(length, fc.nat(), fc.constantFrom('x', 'ä', '😀'), (size, where, letter) => {
      const letters = new Array<string>(size).fill(letter);
      const one = letters.join('');
      letters[where % size] = 'y';
      const other = letters.join('');
      const path = (host: string) => pathOf(target('{host}.log'), { ...VALUES, host });
      assert.notEqual(path(one), path(other));
      assert.equal(path(one), path(one));
    }),
  );
});

test('making safe twice is making safe once', () => {
  fc.assert(
    fc.property(anyWord, (word) => {
      const once = safePart([{ value: word }]);
      assert.equal(safePart([{ value: once }]), once);
    }),
    { numRuns: 5000 },
  );
});

test('what stands behind a long value stays: a file keeps its extension', () => {
  const path = pathOf(target('{host}/{program}-{host}.log'), {
    ...VALUES,
    program: 'p'.repeat(5000),
    host: 'h'.repeat(300),
  });
  const names = path.slice('/var/log/belfry/'.length).split('/');
  assert.equal(names.length, 2);
  for (const name of names) assert.ok(Buffer.byteLength(name) <= 240, name);
  assert.match(names[1] ?? '', /^p+~[0-9a-f]{16}-h+~[0-9a-f]{16}\.log$/);
});

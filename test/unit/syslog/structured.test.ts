// Structured data as names and values: escapes, and the forms that devices write instead.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRADE, readStructured, scanStructured, type StructuredScan } from '../../../syslog/structured.ts';

function elements(text: string): unknown {
  const bytes = Buffer.from(text);
  return readStructured(bytes, 0, bytes.length).map(({ id, params }) => [id, Object.fromEntries(params)]);
}

function grade(text: string): number | false {
  const bytes = Buffer.from(text);
  const scan: StructuredScan = { end: 0, grade: 0 };
  return scanStructured(bytes, 0, bytes.length, scan) ? scan.grade : false;
}

test('to the letter', () => {
  assert.deepEqual(elements('[a@1 x="1" y=""][b]'), [
    ['a@1', { x: '1', y: '' }],
    ['b', {}],
  ]);
  assert.equal(grade('[a@1 x="1" y=""][b] text'), GRADE.strict);
});

test('a backslash escapes quotes, brackets and itself, and nothing else', () => {
  assert.deepEqual(elements('[a x="q\\"q" y="b\\]b" z="s\\\\" w="n\\n"]'), [
    ['a', { x: 'q"q', y: 'b]b', z: 's\\', w: 'n\\n' }],
  ]);
});

test("bare values, spaces, and Check Point's names", () => {
  assert.deepEqual(elements('[Originator@6876 sub=Default opID=a-1]'), [
    ['Originator@6876', { sub: 'Default', opID: 'a-1' }],
  ]);
  assert.deepEqual(elements('[a x= "1" ]'), [['a', { x: '1' }]]);
  assert.deepEqual(elements('[action:"Accept"; flags:"1"; rule:"a; b"]'), [
    ['', { action: 'Accept', flags: '1', rule: 'a; b' }],
  ]);
  for (const text of ['[a x=1]', '[a x= "1"]', '[action:"Accept"; flags:"1"]', '[ a x="1"]']) {
    assert.equal(grade(text), GRADE.tolerated, text);
  }
});

test('what nobody should send is read all the same', () => {
  assert.deepEqual(elements('[a x="y]z"]'), [['a', { x: 'y]z' }]]);
  for (const text of ['[a x="y]z"]', '[a x=""y"]', '[a][a]', '[a x]', `[${'a'.repeat(33)}]`]) {
    assert.equal(grade(text), GRADE.broken, text);
  }
});

test('what is none', () => {
  for (const text of ['', '[', '[]', '[ ]', '[=]', '["]', '[a', '[a x="', '[a]b', '[a x="\\"]', 'text']) {
    assert.equal(grade(text), false, text);
  }
});

test('bytes that are not UTF-8 become replacement characters', () => {
  const bytes = Buffer.concat([Buffer.from('[a x="'), Buffer.from([0xe9]), Buffer.from('"]')]);
  assert.equal(readStructured(bytes, 0, bytes.length)[0]?.params[0]?.[1], '\ufffd');
});

// Columns for people.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printCount } from '../../../base/units.ts';
import { type Column, plainText, printTable } from '../../../cli/table.ts';

interface Row {
  readonly name: string;
  readonly number: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'name', align: 'left', text: ({ name }) => name },
  { title: 'n', align: 'right', text: ({ number }) => printCount(number) },
  { title: 'last', align: 'left', text: () => '' },
];

test('columns are as wide as their widest cell, numbers to the right, no spaces at the end', () => {
  const text = printTable(COLUMNS, [
    { name: 'a', number: 1 },
    { name: 'long name', number: 1_234_567 },
  ]);
  assert.equal(
    text,
    ['name               n  last', 'a                  1', 'long name  1,234,567', ''].join('\n'),
  );
});

test('without rows there are the titles', () => {
  assert.equal(printTable(COLUMNS, []), 'name  n  last\n');
});

test('a name cannot command the terminal or break the table', () => {
  const odd = 'a\u001b[2Jb\nc\u202ed\u2028e\u0000';
  assert.equal(plainText(odd), 'a?[2Jb?c?d?e?');
  const text = printTable(COLUMNS, [{ name: odd, number: 1 }]);
  assert.equal(text.split('\n').length, 3);
  assert.ok(!text.includes('\u001b'));
});

test('numbers have their thousands apart', () => {
  assert.deepEqual([0, 999, 1000, 1e9, 1.6].map(printCount), ['0', '999', '1,000', '1,000,000,000', '2']);
});

// Every number in kernel/abi/ against the headers of this machine: a C program is made from the tables
// themselves, so that a new constant is checked without being named here. A table with a `size` is a struct,
// named as in C, and its other members are offsets; headers are those that the file's comments name.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

/** dist/test/system → kernel/abi, and dist/kernel/abi. */
const SOURCES = join(import.meta.dirname, '../../../kernel/abi');
const COMPILED = join(import.meta.dirname, '../../kernel/abi');

interface Fact {
  /** `MMSGHDR.msg_len`, for people. */
  readonly name: string;
  /** The same as a C expression. */
  readonly c: string;
  readonly ours: number;
}

/** Members that lie in a struct within the struct. */
const WITHIN: Readonly<Record<string, string>> = {
  'mmsghdr.msg_name': 'msg_hdr.msg_name',
  'mmsghdr.msg_namelen': 'msg_hdr.msg_namelen',
  'mmsghdr.msg_iov': 'msg_hdr.msg_iov',
  'mmsghdr.msg_iovlen': 'msg_hdr.msg_iovlen',
  'mmsghdr.msg_control': 'msg_hdr.msg_control',
  'mmsghdr.msg_controllen': 'msg_hdr.msg_controllen',
  'mmsghdr.msg_flags': 'msg_hdr.msg_flags',
};

function factsOf(table: string, numbers: Readonly<Record<string, number>>): Fact[] {
  const isStruct = 'size' in numbers;
  const struct = table.toLowerCase();
  return Object.entries(numbers).map(([member, ours]) => {
    const name = `${table}.${member}`;
    if (!isStruct) return { name, c: member, ours };
    if (member === 'size') return { name, c: `sizeof(struct ${struct})`, ours };
    // A constant that belongs to a struct may stand in its table.
    if (/^[A-Z]/.test(member)) return { name, c: member, ours };
    if (`${struct}.${member}` === 'cmsghdr.data') return { name, c: 'CMSG_LEN(0)', ours };
    const path = WITHIN[`${struct}.${member}`] ?? member;
    return { name, c: `offsetof(struct ${struct}, ${path})`, ours };
  });
}

async function readTables(): Promise<{ facts: Fact[]; headers: Set<string> }> {
  const facts: Fact[] = [];
  const headers = new Set(['stddef.h', 'stdio.h']);
  for (const file of readdirSync(SOURCES).filter((name) => name.endsWith('.ts'))) {
    const compiled = join(COMPILED, `${basename(file, '.ts')}.js`);
    const tables = (await import(pathToFileURL(compiled).href)) as Record<string, Record<string, number>>;
    for (const [table, numbers] of Object.entries(tables)) facts.push(...factsOf(table, numbers));
    for (const [, header = ''] of readFileSync(join(SOURCES, file), 'utf8').matchAll(/<([\w/]+\.h)>/g)) {
      headers.add(header);
    }
  }
  return { facts, headers };
}

function cProgram(facts: readonly Fact[], headers: ReadonlySet<string>): string {
  return [
    '#define _GNU_SOURCE',
    ...[...headers].map((header) => `#include <${header}>`),
    'int main(void) {',
    ...facts.map(({ c }) => `  printf("%lld\\n", (long long)(${c}));`),
    '  return 0;',
    '}',
    '',
  ].join('\n');
}

test('every kernel constant, offset and size is what the headers say', async (t) => {
  if (spawnSync('cc', ['--version']).error) return t.skip('there is no C compiler (cc) to ask');
  const { facts, headers } = await readTables();
  assert.ok(facts.length > 50, `${facts.length} numbers were found`);
  const folder = mkdtempSync(join(tmpdir(), 'belfry-abi-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'abi.c'), cProgram(facts, headers));
  const program = join(folder, 'abi');
  const compiled = spawnSync('cc', ['-o', program, join(folder, 'abi.c')], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr);
  const values = spawnSync(program, { encoding: 'utf8' }).stdout.trim().split('\n').map(Number);
  assert.equal(values.length, facts.length);
  const wrong = facts.filter(({ ours }, at) => ours !== values[at]);
  assert.deepEqual(
    wrong.map(
      ({ name, ours }) => `${name} is ${values[facts.findIndex((fact) => fact.name === name)]}, not ${ours}`,
    ),
    [],
  );
});

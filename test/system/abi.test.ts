// Every number in kernel/abi/ against the headers of this machine: a C program is made from the tables of each file, so
// that a new constant is checked without being named here. A table with a `size`, or with names in small letters, is a
// struct, named as in C, and its other members are offsets; headers are those that the file's comments name. Each file
// has a program of its own, since not all headers can be read together.

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
  const isStruct = 'size' in numbers || Object.keys(numbers).every((name) => /^[a-z]/.test(name));
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

interface Source {
  readonly name: string;
  readonly facts: readonly Fact[];
  readonly headers: ReadonlySet<string>;
}

async function readTables(file: string): Promise<Source> {
  const name = basename(file, '.ts');
  const compiled = join(COMPILED, `${name}.js`);
  const tables = (await import(pathToFileURL(compiled).href)) as Record<string, Record<string, number>>;
  const facts = Object.entries(tables).flatMap(([table, numbers]) => factsOf(table, numbers));
  const named = readFileSync(join(SOURCES, file), 'utf8').matchAll(/<([\w/-]+\.h)>/g);
  const headers = new Set(['stddef.h', 'stdio.h', ...[...named].map(([, header = '']) => header)]);
  return { name, facts, headers };
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

/** What the headers say that the tables do not. */
function differencesOf({ name, facts, headers }: Source, folder: string): string[] {
  const program = join(folder, name);
  writeFileSync(`${program}.c`, cProgram(facts, headers));
  const compiled = spawnSync('cc', ['-o', program, `${program}.c`], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr);
  const values = spawnSync(program, { encoding: 'utf8' }).stdout.trim().split('\n').map(Number);
  assert.equal(values.length, facts.length);
  return facts.flatMap((fact, at) =>
    fact.ours === values[at] ? [] : [`${fact.name} is ${values[at]}, not ${fact.ours}`],
  );
}

test('every kernel constant, offset and size is what the headers say', async (t) => {
  if (spawnSync('cc', ['--version']).error) return t.skip('there is no C compiler (cc) to ask');
  const files = readdirSync(SOURCES).filter((name) => name.endsWith('.ts'));
  const sources = await Promise.all(files.map(readTables));
  const count = sources.reduce((sum, { facts }) => sum + facts.length, 0);
  assert.ok(count > 50, `${count} numbers were found`);
  const folder = mkdtempSync(join(tmpdir(), 'belfry-abi-'));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.deepEqual(
    sources.flatMap((source) => differencesOf(source, folder)),
    [],
  );
});

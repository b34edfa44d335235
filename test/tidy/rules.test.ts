// The self-test of the tidy rules: each rule finds what it forbids, and lets pass what only looks like it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkPath, checkText, SOURCE_RULES } from './rules.ts';
import { readSource } from './source.ts';

const HEADER = '// One line of header,\n// and another.\n';

function count(rule: string, path: string, text: string): number {
  const check = SOURCE_RULES[rule];
  assert.ok(check, `no rule is called "${rule}"`);
  return check(readSource(path, text)).length;
}

interface Case {
  readonly rule: string;
  readonly path: string;
  readonly bad: readonly string[];
  readonly good: readonly string[];
}

const CASES: readonly Case[] = [
  {
    rule: 'imports go down',
    path: 'syslog/parse.ts',
    bad: [
      `import { open } from '../kernel/socket.ts';`,
      `import type { Rule } from '../config/server.ts';`,
      `export { open } from '../daemon/lane.ts';`,
      `import {\n  one,\n  two,\n} from '../cli/print.ts';`,
      `import '../daemon/lane.ts';`,
      `const late = await import('../daemon/lane.ts');`,
      `type Late = typeof import('../config/server.ts');`,
      `new Worker(new URL('../daemon/lane.thread.js', import.meta.url));`,
      `import { other } from '../unknown/room.ts';`,
      `import { version } from '../../outside.ts';`,
    ],
    good: [
      `import { assert } from '../base/assert.ts';`,
      `import { record } from './record.ts';`,
      `readFileSync(new URL('../../package.json', import.meta.url));`,
      `// import { open } from '../kernel/socket.ts';`,
      `const text = "import { open } from '../kernel/socket.ts'";`,
      'const text = `import { open } from "../kernel/${name}.ts"`;',
      `/* import '../daemon/lane.ts'; */`,
    ],
  },
  {
    rule: 'imports go down',
    path: 'daemon/serve.ts',
    bad: [`import { forward } from '../client/forward.ts';`, `import { main } from '../cli/main.ts';`],
    good: [`import { parse } from '../syslog/parse.ts';`, `import { socket } from '../kernel/socket.ts';`],
  },
  {
    rule: 'a package has one room',
    path: 'daemon/serve.ts',
    bad: [
      `import koffi from 'koffi';`,
      `import type { Ajv } from 'ajv/dist/2020.js';`,
      `import got from 'got';`,
    ],
    good: [
      `import fastify from 'fastify';`,
      `import { queueAsPromised } from 'fastq';`,
      `import net from 'node:net';`,
    ],
  },
  {
    rule: 'built-ins are imported as node:',
    path: 'test/unit/x.test.ts',
    bad: [`import fs from 'fs';`, `import { open } from 'fs/promises';`],
    good: [`import fs from 'node:fs';`, `import { open } from './fs.ts';`],
  },
  {
    rule: 'threads are started, never imported',
    path: 'daemon/intake/lane.ts',
    bad: [`import { loop } from './lane.thread.ts';`, `await import('./lane.thread.ts');`],
    good: [
      `new Worker(new URL('./lane.thread.js', import.meta.url));`,
      `import type { Order } from './lane.port.ts';`,
    ],
  },
  {
    rule: 'only cli/main.ts knows the process',
    path: 'cli/commands/serve.ts',
    bad: [
      'process.exit(1);',
      'const home = process.env.HOME;',
      'process . argv.slice(2)',
      `process['exit'](1);`,
      `import { argv } from 'node:process';`,
      'const text = `${process.env.HOME}`;',
    ],
    good: [
      'process.exitCode = 1;',
      'process.pid',
      '// process.exit(1)',
      `const text = 'process.exit';`,
      'const { exit } = result;',
      'x.y / process.pid / 2;',
    ],
  },
  {
    rule: 'no barrel files',
    path: 'syslog/all.ts',
    bad: [
      `export * from './parse.ts';`,
      `export * as parse from './parse.ts';`,
      `export { parse } from './parse.ts';\nexport type { Selector } from './selector.ts';`,
    ],
    good: [`import { one } from './one.ts';\nexport const ALL = [one];`, `export const x = 1;`],
  },
  {
    rule: 'plain TypeScript',
    path: 'base/units.ts',
    bad: [
      'enum Color { red }',
      'export const enum Color { red }',
      'namespace inner { }',
      'export default 1;',
      'let x: any[] = [];',
      'let y: Array<any>;',
      'const y = x as any;',
      'const z = x as unknown as any;',
      '// @ts-ignore\nlet x = 1;',
      '// @ts-expect-error\nlet x = 1;',
      'class Bus extends EventEmitter {}',
    ],
    good: [
      '// any of these, as any fool can see: any',
      `const text = 'let x: any';`,
      'const { any } = table;',
      'list.any(x);',
      'open({ address: any });',
      'const enumeration = 1;',
      'const one = /: any/;',
      `const e = { 'enum': 1 };`,
    ],
  },
  {
    rule: 'nothing is put off in a comment',
    path: 'base/units.ts',
    bad: ['// TODO later', 'let x = 1; // FIXME', '/* XXX */'],
    good: ['// toDoList', `const word = 'TODO';`],
  },
];

describe('tidy rules find what they forbid', () => {
  for (const { rule, path, bad, good } of CASES) {
    test(`${rule} (${path})`, () => {
      for (const text of bad) assert.ok(count(rule, path, HEADER + text) > 0, `not found: ${text}`);
      for (const text of good) assert.equal(count(rule, path, HEADER + text), 0, `found by mistake: ${text}`);
    });
  }

  test('every rule has a case here', () => {
    const tried = new Set([...CASES.map(({ rule }) => rule), 'a source file opens with a comment']);
    assert.deepEqual([...tried].sort(), Object.keys(SOURCE_RULES).sort());
  });

  test('a source file opens with a comment', () => {
    const rule = 'a source file opens with a comment';
    assert.equal(count(rule, 'base/x.ts', 'export const x = 1;\n'), 1);
    assert.equal(count(rule, 'base/x.ts', `${'// long\n'.repeat(17)}export const x = 1;\n`), 1);
    assert.equal(count(rule, 'base/x.ts', `${HEADER}export const x = 1;\n`), 0);
    assert.equal(count(rule, 'cli/main.ts', `#!/usr/bin/env node\n${HEADER}`), 0);
    assert.equal(count(rule, 'bench/load/x.c', '#include <stdio.h>\n'), 1);
  });

  test('a path has its place', () => {
    for (const path of [
      'syslog/utils.ts',
      'base/helpers/text.ts',
      'daemon/types/x.ts',
      'attic/x.md',
      'serve.ts',
      'docs/example.ts',
      'syslog/parse.test.ts',
      'test/parse.test.ts',
      'test/smoke/parse.test.ts',
      'test/fixtures/a.json',
    ]) {
      assert.ok(checkPath(path).length > 0, `not found: ${path}`);
    }
    for (const path of [
      'syslog/parse.ts',
      'test/unit/syslog/parse.test.ts',
      'README.md',
      'docs/config.md',
      '.ci/run',
    ]) {
      assert.deepEqual(checkPath(path), [], path);
    }
  });

  test('a text names no machine', () => {
    const folder = ['', 'work', 'shared', 'corpus'].join('/');
    const host = ['https://registry', 'npmjs', 'org/x'].join('.');
    assert.equal(checkText('docs/x.md', `one\nsee ${folder}\n`)[0]?.line, 2);
    assert.equal(checkText('package-lock.json', `"resolved": "${host}"`).length, 1);
    assert.deepEqual(checkText('docs/x.md', 'see ../shared/corpus and the workshop/main'), []);
  });

  test('a violation names its line', () => {
    const found = SOURCE_RULES['plain TypeScript']?.(
      readSource('base/x.ts', `${HEADER}let a = 1;\nlet b: any[];\n`),
    );
    assert.equal(found?.[0]?.line, 4);
  });
});

describe('the reader of sources', () => {
  const code = (text: string) => readSource('base/x.ts', text).code.replace(/\s+/g, ' ');

  test('blanks strings, templates, comments and regular expressions', () => {
    assert.equal(code(`a('x"y', "it's") // end`), `a(' ', " ") `);
    assert.equal(code('a(`x ${b("y") + `${c}`} z`) + d'), 'a(` ${b(" ") + `${c}`} `) + d');
    assert.equal(code(`a.replace(/['"\`/*]/g, b); c / d / e`), 'a.replace(/ /g, b); c / d / e');
    assert.equal(code('return /x"/.test(y)'), 'return / /.test(y)');
    assert.equal(code('const o = `${{ a: { b } }.a}`; f'), 'const o = `${{ a: { b } }.a}`; f');
    assert.equal(code('/* a */ b /** c */ d'), ' b d');
  });

  test('keeps lines where they are, and finds the line of an import', () => {
    const source = readSource('base/x.ts', `/*\n\n*/\nimport {\n  a,\n} from './a.ts';\nimport './b.ts';\n`);
    assert.deepEqual(source.imports, [
      { specifier: './a.ts', line: 4, isExport: false },
      { specifier: './b.ts', line: 7, isExport: false },
    ]);
  });
});

// Whatever stands in a configuration file: loading never throws, each fault has a place within the file, and
// what is taken can be used by everything behind it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fc } from './chance.ts';
import { loadServerConfig, type Loaded } from '../../config/load.ts';
import { fileSchema, matchSchema, ruleSchema } from '../../config/rule.schema.ts';
import { serverSchema, syslogSchema } from '../../config/server.schema.ts';
import { parseTemplate, placeTemplate } from '../../config/template.ts';
import { globPattern } from '../../base/glob.ts';
import { compileMatch } from '../../daemon/route/matcher.ts';
import { compileSelector } from '../../syslog/selector.ts';

const folder = mkdtempSync(join(tmpdir(), 'belfry-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../../config/examples/server.json'), 'utf8');

function loadText(text: string): Loaded {
  const path = join(folder, 'server.json');
  writeFileSync(path, text);
  return loadServerConfig(path, { checkSelector: compileSelector });
}

function checkLoaded(text: string): void {
  const { config, faults } = loadText(text);
  assert.equal(config === undefined, faults.length > 0);
  const lines = text.split('\n');
  for (const { code, text: said } of faults) {
    assert.ok(said.what.length > 0 && said.where !== undefined && said.mend !== undefined);
    // A file that cannot be read has no line.
    if (said.place === undefined) assert.equal(code, 'CONFIG_NOT_READABLE');
    if (said.place === undefined) continue;
    assert.ok(said.place.line >= 1 && said.place.line <= lines.length, said.where);
    assert.ok(
      said.place.column >= 1 && said.place.column <= (lines[said.place.line - 1]?.length ?? 0) + 1,
      said.where,
    );
  }
  if (config === undefined) return;
  assert.deepEqual(structuredClone(config), config);
  for (const rule of config.rules) compileMatch(rule.match);
}

const KEYS = [serverSchema, syslogSchema, ruleSchema, matchSchema, fileSchema].flatMap((schema) =>
  Object.keys(schema.properties),
);

const WORDS = [
  'udp://0.0.0.0:514',
  'tcp://[::]:1',
  '10.0.0.0/8',
  '{host}.log',
  '/{x}',
  '*.*',
  '(?i)a+',
  '[b-a]',
  '64KiB',
  '30s',
  'json',
  '0640',
  'root',
  'local',
  '..',
  '',
];

/** JSON that looks like a configuration: known keys and values in wrong places. */
const { likely } = fc.letrec((tie) => ({
  likely: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(...WORDS),
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.double(),
    ),
    fc.array(tie('likely'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string()), tie('likely'), { maxKeys: 6 }),
  ),
}));

test('any JSON is taken or refused with faults, never with a throw', () => {
  fc.assert(
    fc.property(fc.json(), (text) => checkLoaded(text)),
    { numRuns: 150 },
  );
});

test('JSON made of known keys and values is taken or refused with faults', () => {
  const object = fc.dictionary(fc.constantFrom(...Object.keys(serverSchema.properties)), likely, {
    maxKeys: 6,
  });
  fc.assert(
    fc.property(object, (value) => checkLoaded(JSON.stringify(value, undefined, 1))),
    { numRuns: 150 },
  );
});

test('rules made of known keys and values are taken or refused with faults', () => {
  const match = fc.dictionary(fc.constantFrom(...Object.keys(matchSchema.properties)), likely, {
    maxKeys: 3,
  });
  const rule = fc.record(
    { match, file: fc.oneof(likely, fc.constant('{host}.log')), stop: fc.boolean() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), (rules) => checkLoaded(JSON.stringify({ rules }))),
    { numRuns: 150 },
  );
});

test('an example with bytes changed, cut out or put in is taken or refused with faults', () => {
  const change = fc.tuple(fc.nat(EXAMPLE.length - 1), fc.nat(12), fc.string({ maxLength: 6 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let text = EXAMPLE;
      for (const [at, length, put] of changes) text = text.slice(0, at) + put + text.slice(at + length);
      checkLoaded(text);
    }),
    { numRuns: 150 },
  );
});

test('a pattern that is taken can be compiled', () => {
  const letters = fc.constantFrom('a', 'z', '-', '[', ']', '!', '^', '\\', '*', '?', '.', '(', '😀');
  fc.assert(
    fc.property(fc.array(letters, { minLength: 1, maxLength: 8 }), (parts) => {
      const glob = parts.join('');
      const { config } = loadText(JSON.stringify({ rules: [{ match: { host: glob }, file: 'a.log' }] }));
      if (config !== undefined) globPattern(glob, true);
    }),
    { numRuns: 150 },
  );
});

test('a template that is taken has one text, below its root', () => {
  const part = fc.constantFrom('/', '.', '..', 'a', '{host}', '{date}', '-', ' ', 'é');
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 10 }), (parts) => {
      const template = parseTemplate(parts.join(''));
      if (template.problems.length > 0) return;
      const placed = placeTemplate(template, '/var/log/belfry');
      assert.ok(placed.template.startsWith(placed.root === '/' ? '/' : `${placed.root}/`), placed.template);
      assert.ok(!placed.template.includes('//') && !/\/\.{1,2}(\/|$)/.test(placed.template), placed.template);
      const again = placeTemplate(parseTemplate(placed.template), '/');
      assert.equal(again.template, placed.template);
    }),
    { numRuns: 2000 },
  );
});

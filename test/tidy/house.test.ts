// The house rules over every file of the repository: a violation names the file, the line and the rule.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listFiles, listSources, readText } from './files.ts';
import { checkPath, checkText, printViolations, SOURCE_RULES, type Violation } from './rules.ts';

const files = listFiles();
const sources = listSources();

function refuse(violations: readonly Violation[]): void {
  if (violations.length > 0) assert.fail(printViolations(violations));
}

describe('house', () => {
  test('there is something to read', () => {
    assert.ok(sources.length > 20, `only ${sources.length} source files found`);
    assert.ok(files.includes('package.json'));
  });

  for (const [name, rule] of Object.entries(SOURCE_RULES)) {
    test(name, () => {
      const violations = sources.flatMap(rule);
      refuse(violations);
    });
  }

  test('every folder and file has its place', () => {
    const violations = files.flatMap(checkPath);
    refuse(violations);
  });

  test('no file names one machine', () => {
    const texts = files.filter((path) => !/\.(gz|pem|key|png|ico)$/.test(path));
    const violations = texts.flatMap((path) => checkText(path, readText(path)));
    refuse(violations);
  });
});

// Patterns for host and program names.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../property/chance.ts';
import { globPattern } from '../../../base/glob.ts';

const cases: readonly [glob: string, fits: readonly string[], not: readonly string[]][] = [
  ['web1', ['web1', 'WEB1'], ['web', 'web12', 'xweb1', '']],
  ['*', ['', 'x', 'a.b.c', 'line\nbreak'], []],
  ['web*', ['web', 'web1', 'Web.example.org'], ['we', 'xweb']],
  ['*.example.org', ['a.example.org', '.example.org', 'a.b.example.org'], ['example.org', 'a.example.orgs']],
  ['w?b', ['web', 'wob', 'w😀b'], ['wb', 'weeb']],
  ['web[1-3]', ['web1', 'web3'], ['web4', 'web', 'web12']],
  ['web[!1-3]', ['web4', 'webx'], ['web1', 'web']],
  ['[abc-]x', ['ax', '-x'], ['dx']],
  ['[A-C]', ['a', 'B'], ['d']],
  ['[^a]', ['^', 'a'], ['b']],
  ['[\\d]', ['\\', 'd'], ['7']],
  ['[', ['['], ['x']],
  ['[]', ['[]'], ['']],
  ['[!]', ['!'], ['[!]']],
  ['a.c', ['a.c'], ['abc']],
  ['(a|b)+$', ['(a|b)+$'], ['a', 'ab']],
  ['a**b', ['ab', 'axxb'], ['a']],
  ['*a*b*c', ['abc', 'xaxbxc', 'aabbcc'], ['acb', 'ab']],
  ['Ä*', ['äpfel', 'Äpfel'], ['apfel']],
];

for (const [glob, fits, not] of cases) {
  test(`the pattern ${glob}`, () => {
    const pattern = globPattern(glob, true);
    for (const text of fits) assert.ok(pattern.test(text), text);
    for (const text of not) assert.ok(!pattern.test(text), text);
  });
}

test('case counts where it is asked to', () => {
  assert.ok(!globPattern('Web[a-c]*', false).test('weba'));
  assert.ok(!globPattern('Web[a-c]*', false).test('WebA'));
  assert.ok(globPattern('Web[a-c]*', false).test('Webab'));
});

/** The obvious way: every length that a star can have. */
function naive(glob: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return text.length === 0;
  if (first === '*') return text.some((_, at) => naive(rest, text.slice(at))) || naive(rest, []);
  return text.length > 0 && (first === '?' || first === text[0]) && naive(rest, text.slice(1));
}

test('it agrees with trying everything', () => {
  const glob = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 7 });
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 9 });
  fc.assert(
    fc.property(glob, text, (pattern, chars) => {
      assert.equal(globPattern(pattern.join(''), false).test(chars.join('')), naive(pattern, chars));
    }),
    { numRuns: 5000 },
  );
});

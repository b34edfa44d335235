// The path of a log file: how it is cut into text and words, and which directory is its root.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTemplate, placeTemplate } from '../../../config/template.ts';

function place(text: string, filesRoot = '/var/log/belfry') {
  const template = parseTemplate(text);
  assert.deepEqual(template.problems, [], text);
  const { root, template: whole } = placeTemplate(template, filesRoot);
  return [root, whole];
}

test('a relative path lies below files.root', () => {
  assert.deepEqual(place('{host}/a.log'), ['/var/log/belfry', '/var/log/belfry/{host}/a.log']);
  assert.deepEqual(place('./x//{host}.log', '/srv/log/'), ['/srv/log', '/srv/log/x/{host}.log']);
  assert.deepEqual(place('a.log', '/'), ['/', '/a.log']);
});

test('the root of an absolute path is the directory before the first word', () => {
  assert.deepEqual(place('/var/log/mheni.log'), ['/var/log', '/var/log/mheni.log']);
  assert.deepEqual(place('/var/log/web-{host}/x.log'), ['/var/log', '/var/log/web-{host}/x.log']);
  assert.deepEqual(place('//srv/./log//{host}/{date}.log'), ['/srv/log', '/srv/log/{host}/{date}.log']);
  assert.deepEqual(place('/messages'), ['/', '/messages']);
});

test('no directory of the whole file system may be chosen by a message', () => {
  for (const text of ['/{host}', '/{host}/a.log', '/x{host}/a.log', '//{host}.log', '/./{host}.log']) {
    assert.match(parseTemplate(text).problems[0]?.what ?? '', /chosen by the message/, text);
  }
});

test('two dots are no way out, wherever they stand', () => {
  for (const text of ['..', '../a', 'a/../b', '/var/log/../../etc/passwd', '{host}/..']) {
    assert.match(parseTemplate(text).problems[0]?.what ?? '', /"\.\."/, text);
  }
  for (const text of ['..a', 'a..b', '{host}..log']) assert.deepEqual(parseTemplate(text).problems, [], text);
});

test('every unknown word is named', () => {
  const { problems } = parseTemplate('{HOST}/{prog}/{date}/{}.log');
  assert.deepEqual(
    problems.map(({ what }) => what),
    [
      '"{HOST}" is not a word of a file path.',
      '"{prog}" is not a word of a file path.',
      '"{}" is not a word of a file path.',
    ],
  );
  assert.match(problems[0]?.mend ?? '', /^Did you mean "\{host\}"\?/);
});

test('words of Object.prototype are no words', () => {
  assert.equal(parseTemplate('{constructor}.log').problems.length, 1);
});

// Reads the path of a log file: text and words in braces. `{` and `}` cannot be part of the path itself.
// Also decides which directory is the root that no message can leave: for a relative path the one it is
// given, for an absolute path the directory before the first word.
//
// Refuses: words that do not exist, braces that are not closed, `..`, control bytes, and an absolute path
// whose first directory depends on the message, since its root would be the whole file system.

import { posix } from 'node:path';
import { suggestion } from '../base/nearest.ts';
import type { Problem } from './problem.ts';
import { TEMPLATE_WORDS, type TemplateWord } from './template-words.ts';

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'word'; readonly word: TemplateWord };

export interface Template {
  readonly absolute: boolean;
  readonly parts: readonly TemplatePart[];
  /** Empty when the template can be used. */
  readonly problems: readonly Problem[];
}

/** Longest part of a path, and longest path, on Linux (NAME_MAX, PATH_MAX in linux/limits.h). */
const NAME_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4095;

const WORDS = Object.keys(TEMPLATE_WORDS);

function isWord(text: string): text is TemplateWord {
  return Object.hasOwn(TEMPLATE_WORDS, text);
}

export function parseTemplate(text: string): Template {
  const problems: Problem[] = [];
  const parts = splitWords(text, problems);
  const absolute = text.startsWith('/');
  if (problems.length === 0) problems.push(...pathProblems(text, parts));
  if (absolute && parts.length > 1 && rootLength(parts) <= 1) problems.push(rootlessProblem(text));
  return { absolute, parts, problems };
}

function splitWords(text: string, problems: Problem[]): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{', at);
    const plain = text.slice(at, open < 0 ? undefined : open);
    if (plain.includes('}')) problems.push(braceProblem(text, '}', 'was never opened'));
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    if (open < 0) break;
    const close = text.indexOf('}', open);
    if (close < 0) {
      problems.push(braceProblem(text, '{', 'is never closed'));
      break;
    }
    const word = text.slice(open + 1, close);
    if (isWord(word)) parts.push({ kind: 'word', word });
    else problems.push(wordProblem(word));
    at = close + 1;
  }
  return parts;
}

function braceProblem(text: string, brace: string, trouble: string): Problem {
  return {
    what: `The brace "${brace}" in "${text}" ${trouble}.`,
    mend: 'Write a word of the path as {host}; a brace cannot be part of the path itself.',
  };
}

function wordProblem(word: string): Problem {
  return {
    what: `"{${word}}" is not a word of a file path.`,
    mend: `${suggestion(word, WORDS, (name) => `"{${name}}"`)}All words: ${WORDS.map((name) => `{${name}}`).join(' ')}.`,
  };
}

function rootlessProblem(text: string): Problem {
  return {
    what: `The first directory of "${text}" would be chosen by the message.`,
    mend: 'Begin with a fixed directory, such as "/var/log/hosts/{host}.log", or leave out the first "/" to write below files.root.',
  };
}

function pathProblems(text: string, parts: readonly TemplatePart[]): Problem[] {
  const problems: Problem[] = [];
  if (hasControl(text)) problems.push({ what: 'The path holds a control character.', mend: 'Remove it.' });
  // A word counts as one letter: what matters here is the fixed text around it.
  const outline = parts.map((part) => (part.kind === 'text' ? part.text : '*')).join('');
  const names = outline.split('/');
  if (names.includes('..')) {
    problems.push({ what: `The path "${text}" holds "..".`, mend: 'Write out the directory that is meant.' });
  } else if (names.at(-1) === '' || names.at(-1) === '.') {
    problems.push({ what: `"${text}" names no file.`, mend: 'Add a file name, such as "{program}.log".' });
  }
  if (
    Buffer.byteLength(outline) > PATH_BYTES_MAX ||
    names.some((name) => Buffer.byteLength(name) > NAME_BYTES_MAX)
  ) {
    problems.push({
      what: `The path is too long: Linux takes ${NAME_BYTES_MAX} bytes between two "/" and ${PATH_BYTES_MAX} in all.`,
      mend: 'Shorten it.',
    });
  }
  return problems;
}

export function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** How much of an absolute path belongs to its root, the last slash before the first word included. */
function rootLength(parts: readonly TemplatePart[]): number {
  const first = parts[0];
  return first?.kind === 'text'
    ? posix.normalize(first.text.slice(0, first.text.lastIndexOf('/') + 1)).length
    : 0;
}

export interface PlacedTemplate {
  readonly root: string;
  readonly parts: readonly TemplatePart[];
  readonly template: string;
}

/** Root and path below it, each directory written in one way. `filesRoot` is absolute. */
export function placeTemplate(template: Template, filesRoot: string): PlacedTemplate {
  const text = printParts(template.parts);
  const firstText = template.parts[0]?.kind === 'text' ? template.parts[0].text : '';
  const cut = template.absolute ? firstText.lastIndexOf('/') + 1 : 0;
  const root = withoutLastSlash(posix.normalize(template.absolute ? text.slice(0, cut) : filesRoot));
  const below = text
    .slice(cut)
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
  return { root, parts: splitWords(below, []), template: `${root === '/' ? '' : root}/${below}` };
}

function withoutLastSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

export function printParts(parts: readonly TemplatePart[]): string {
  return parts.map((part) => (part.kind === 'text' ? part.text : `{${part.word}}`)).join('');
}

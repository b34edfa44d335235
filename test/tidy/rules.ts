// The house rules that a machine can see, each a function from a file to its violations. test/tidy/house.test.ts
// runs them over the repository, test/tidy/rules.test.ts over fixtures that break each of them.
//
// Refuses: matters of taste; and what the compiler or the linter finds already, unless a hole in the law
// would go unseen when someone switches that rule off (enum, any, default exports).

import { posix } from 'node:path';
import {
  EMPTY_NAMES,
  FREE_ROOMS,
  HEADER_LINES_MAX,
  MAIN,
  OTHER_FOLDERS,
  PACKAGE_ROOMS,
  ROOMS,
  TEST_TIERS,
} from './plan.ts';
import type { Source } from './source.ts';

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

export type Rule = (source: Source) => Violation[];

export function roomOf(path: string): string {
  return path.split('/')[0] as string;
}

function isFree(path: string): boolean {
  return FREE_ROOMS.includes(roomOf(path));
}

/** `@scope/name/file` → `@scope/name`; `name/file` → `name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Every match of a pattern in the code, or in another text of the file, as violations. */
function findAll(
  source: Source,
  pattern: RegExp,
  what: (match: RegExpMatchArray) => string,
  text = source.code,
) {
  return [...text.matchAll(pattern)].map((match) => ({
    path: source.path,
    line: text.slice(0, match.index).split('\n').length,
    what: what(match),
  }));
}

const importsGoDown: Rule = ({ path, imports }) => {
  const room = roomOf(path);
  const allowed = ROOMS[room] ?? [];
  return imports.flatMap(({ specifier, line }) => {
    // Data, such as package.json, belongs to no room.
    if (!/^\..*\.[mc]?[jt]s$/.test(specifier)) return [];
    const target = roomOf(posix.join(posix.dirname(path), specifier));
    if (target === room || allowed.includes(target)) return [];
    return [{ path, line, what: `${room}/ may not import ${target}/ (${specifier})` }];
  });
};

const packagesHaveOneRoom: Rule = ({ path, imports }) => {
  if (isFree(path)) return [];
  return imports.flatMap(({ specifier, line }) => {
    if (specifier.startsWith('.') || specifier.startsWith('node:')) return [];
    const name = packageOf(specifier);
    const owner = PACKAGE_ROOMS[name];
    if (owner === roomOf(path)) return [];
    const what =
      owner === undefined ? `no room is named for the package ${name}` : `only ${owner}/ may import ${name}`;
    return [{ path, line, what }];
  });
};

const builtinsAreNamed: Rule = ({ path, imports }) => {
  const bare =
    /^(assert|buffer|child_process|crypto|dgram|dns|events|fs|http|net|os|path|process|stream|timers|tls|url|util|worker_threads|zlib)(\/|$)/;
  const bad = imports.filter(({ specifier }) => bare.test(specifier));
  return bad.map(({ specifier, line }) => ({
    path,
    line,
    what: `write node:${specifier}, not ${specifier}`,
  }));
};

const threadsAreStarted: Rule = (source) => {
  const isStarted = (line: number) => /new URL\(/.test(source.code.split('\n')[line - 1] ?? '');
  const bad = source.imports.filter(
    ({ specifier, line }) => /\.thread\.[jt]s$/.test(specifier) && !isStarted(line),
  );
  return bad.map(({ specifier, line }) => ({
    path: source.path,
    line,
    what: `${specifier} is started, never imported`,
  }));
};

const onlyMainIsTheProcess: Rule = (source) => {
  if (isFree(source.path) || source.path === MAIN) return [];
  const what = (match: RegExpMatchArray) => `${match[0].replace(/\s+/g, ' ')}: only ${MAIN} may`;
  return [
    ...findAll(source, /\bprocess\s*\??\.\s*(?:exit|env|argv)\b|\bprocess\s*\[/g, what),
    ...findAll(source, /\bimport\s*\{[^}]*\b(?:exit|env|argv)\b[^}]*\}\s*from\s*['"]\s*['"]/g, what).filter(
      ({ line }) => source.imports.some((one) => one.line === line && one.specifier === 'node:process'),
    ),
  ];
};

const noBarrels: Rule = (source) => {
  const { path, code, imports } = source;
  if (/(^|\/)index\.[mc]?ts$/.test(path))
    return [{ path, line: 1, what: 'a file is named for what it holds, not index' }];
  const stars = findAll(source, /\bexport\s*\*/g, () => 'export * hides what a file gives');
  const own = /\b(?:export\s+)?(?:async\s+)?(?:function|const|let|class|interface|type\s+\w+[^=]*=)\b/.test(
    code.replace(/\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]\s*['"]/g, ''),
  );
  const isBarrel = imports.some((one) => one.isExport) && !own;
  return isBarrel
    ? [...stars, { path, line: 1, what: 'a barrel: it only passes on what others hold' }]
    : stars;
};

const plainTypeScript: Rule = (source) => [
  ...findAll(source, /(?<![.\w])enum\s+\w+\s*\{/g, () => 'no enum: a const object or a union'),
  ...findAll(source, /(?<![.\w])namespace\s+\w+\s*\{/g, () => 'no namespace'),
  ...findAll(source, /\bexport\s+default\b/g, () => 'no default export'),
  // Only where no value can stand: a variable may be called any. The linter knows all the others.
  ...findAll(source, /\bas\s+any\b|<any>|\bany\[\]/g, () => 'no any: unknown, or the type'),
  ...findAll(
    source,
    /@ts-(?:ignore|expect-error|nocheck)/g,
    () => 'the compiler is not told to look away',
    source.comments,
  ),
  ...findAll(source, /\bextends\s+EventEmitter\b/g, () => 'no event emitter of our own'),
];

const nothingIsPutOff: Rule = (source) => {
  const what = (match: RegExpMatchArray) => `${match[0]}: do it, or write an issue`;
  return findAll(source, /\b(?:TODO|FIXME|XXX)\b/g, what, source.comments);
};

const opensWithAComment: Rule = ({ path, text }) => {
  const lines = text.split('\n');
  const from = lines[0]?.startsWith('#!') ? 1 : 0;
  const isHeader = (line: string | undefined) => line?.startsWith('//') ?? false;
  let count = 0;
  while (isHeader(lines[from + count])) count++;
  const bad = count === 0 || count > HEADER_LINES_MAX;
  const what = `opens with ${count} lines of // comment; 1 to ${HEADER_LINES_MAX} say what it promises and refuses`;
  return bad ? [{ path, line: 1, what }] : [];
};

export const SOURCE_RULES: Readonly<Record<string, Rule>> = {
  'imports go down': importsGoDown,
  'a package has one room': packagesHaveOneRoom,
  'built-ins are imported as node:': builtinsAreNamed,
  'threads are started, never imported': threadsAreStarted,
  'only cli/main.ts knows the process': onlyMainIsTheProcess,
  'no barrel files': noBarrels,
  'plain TypeScript': plainTypeScript,
  'nothing is put off in a comment': nothingIsPutOff,
  'a source file opens with a comment': opensWithAComment,
};

/** What the path of a file alone may say wrong. Paths are relative to the repository. */
export function checkPath(path: string): Violation[] {
  const parts = path.split('/');
  const room = parts[0] as string;
  const found: string[] = [];
  const name = (parts.at(-1) as string).replace(/\.[^/]*$/, '');
  const empty = [...parts.slice(0, -1), name].find((part) => EMPTY_NAMES.includes(part));
  if (empty !== undefined) found.push(`the name "${empty}" says nothing`);
  if (parts.length > 1 && ROOMS[room] === undefined && !OTHER_FOLDERS.includes(room)) {
    found.push(`${room}/ is not in the house plan (test/tidy/plan.ts)`);
  }
  if (/\.[mc]?ts$/.test(path) && ROOMS[room] === undefined) found.push('source stands in a room');
  const isTest = /\.test\.[mc]?[jt]s$/.test(path);
  if (isTest && (room !== 'test' || !TEST_TIERS.includes(parts[1] as string))) {
    found.push(`a test stands in test/<tier>/; tiers: ${TEST_TIERS.join(', ')}`);
  }
  if (room === 'test' && !isTest && !TEST_TIERS.includes(parts[1] as string))
    found.push('test/ holds only tiers');
  return found.map((what) => ({ path, line: 1, what }));
}

/** Places and hosts that mean something on one machine only; written so that this file does not name them. */
const ELSEWHERE: readonly RegExp[] = [
  new RegExp(['', 'work', '(main|shared)\\b'].join('/')),
  new RegExp(['', 'tmp', 'brief\\b'].join('/')),
  /\bregistry\.(npm|yarn)[a-z]*\./,
  /\bartifact(?:ory|registry)\b/i,
];

/** Every line of any file, source or not. */
export function checkText(path: string, text: string): Violation[] {
  return text.split('\n').flatMap((line, at) => {
    const hit = ELSEWHERE.map((pattern) => pattern.exec(line)?.[0]).find((found) => found !== undefined);
    return hit === undefined ? [] : [{ path, line: at + 1, what: `"${hit}" belongs to one machine` }];
  });
}

export function printViolations(violations: readonly Violation[]): string {
  return violations.map(({ path, line, what }) => `${path}:${line}  ${what}`).join('\n');
}

// Loads server.json and the files it includes: reads, checks, resolves. Either there is a configuration and no
// fault, or there are all the faults of all files at once, each with file, line, column and key, in the order
// in which they stand. A fault in one rule does not hide those of another.
//
// Refuses: to hand out half a configuration, and to change anything on the disk.

import { dirname, resolve } from 'node:path';
import type { Fault } from '../base/fault.ts';
import { type Accounts, readAccounts } from './accounts.ts';
import { checkListeners, checkNtp, noteProxies } from './check-listeners.ts';
import { checkCertificates, checkServerTls } from './check-tls.ts';
import { type Document, type PlacedFault, readDocument } from './document.ts';
import { FaultBook } from './fault-book.ts';
import { type FilterCheck, type Formats, makeFormats, type SelectorCheck } from './formats.ts';
import { findIncluded } from './include.ts';
import { checkFilesWritable, checkOwners, checkSocketPath } from './permissions.ts';
import { resolveServer } from './resolve.ts';
import {
  checkRules,
  checkSenders,
  checkSettings,
  get,
  type Report,
  type RuleSource,
  ruleSources,
} from './rules.ts';
import type { ServerConfig } from './server.ts';
import { hasControl } from './template.ts';
import { checkRulesFile, checkServerFile, placeSaid } from './validate.ts';

/** What patterns find on this host now: the file input's own search, which config/ may not import. */
export type FileSearch = (
  paths: readonly string[],
  exclude: readonly string[],
) => {
  readonly files: ReadonlyMap<string, unknown>;
  readonly obstacles: ReadonlyMap<string, { readonly code: string }>;
};

export interface LoadOptions {
  readonly checkSelector: SelectorCheck;
  /** Absent: filters of traffic are taken as they are written. */
  readonly checkFilter?: FilterCheck;
  /** Absent: what patterns of files find is not looked at. */
  readonly findFiles?: FileSearch;
  /** Whether this user could write the log files is part of the check; default true. */
  readonly checkFiles?: boolean;
  /** Milliseconds since 1970: certificates are judged by it. */
  readonly nowMs?: number;
}

/** Either a configuration without faults, or all its faults. */
export type Loaded =
  | (LoadedBase & { readonly config: ServerConfig; readonly faults: readonly [] })
  | (LoadedBase & { readonly config: undefined; readonly faults: readonly Fault[] });

export interface LoadedBase {
  /** The files that were read, the main file first. */
  readonly sources: readonly string[];
  /** What is foolish but does no harm: shown, and no reason to refuse the configuration. */
  readonly notes: readonly Fault[];
}

export function loadServerConfig(path: string, options: LoadOptions): Loaded {
  return loadServerDocument(readDocument(resolve(path), 'server'), options);
}

export function loadServerDocument(main: Document, options: LoadOptions): Loaded {
  const accounts = readAccounts();
  const formats = makeFormats(accounts, options.checkSelector);
  const book = new FaultBook();
  book.add(main, main.faults);
  const { file, faults } = checkServerFile(main, formats);
  book.add(main, faults);
  const rules = [...includedRules(main, get(file, 'include'), formats, book), ...ruleSources(main, file, '')];
  if (main.root !== undefined) checkWhole(main, file, rules, accounts, options, book);
  const all = book.faults();
  const base = { sources: book.sources(), notes: book.notes() };
  if (all.length > 0) return { config: undefined, faults: all, ...base };
  return { config: resolveServer(main, file, rules, accounts), faults: [], ...base };
}

/** Rules of the included files come before those of the file that includes them. */
function includedRules(main: Document, include: unknown, formats: Formats, book: FaultBook): RuleSource[] {
  const rules: RuleSource[] = [];
  const read = new Set<string>();
  for (const [at, pattern] of (Array.isArray(include) ? include : []).entries()) {
    if (typeof pattern !== 'string' || pattern === '' || hasControl(pattern)) continue;
    const found = findIncluded(main.file, pattern);
    if ('problem' in found) {
      book.add(main, [placeSaid(main, { path: ['include', at], part: 'value', ...found.problem })]);
      continue;
    }
    for (const path of found.files) {
      if (read.has(path)) continue;
      read.add(path);
      rules.push(...includedFile(path, main, formats, book));
    }
  }
  return rules;
}

function includedFile(path: string, main: Document, formats: Formats, book: FaultBook): RuleSource[] {
  const document = readDocument(path, 'server');
  const { file, faults } = checkRulesFile(document, formats);
  book.add(document, [...document.faults, ...faults]);
  const short = path.startsWith(`${dirname(main.file)}/`) ? path.slice(dirname(main.file).length + 1) : path;
  return ruleSources(document, file, `${short}: `);
}

/** The checks that look at more than one key. */
function checkWhole(
  main: Document,
  file: unknown,
  rules: readonly RuleSource[],
  accounts: Accounts,
  options: LoadOptions,
  book: FaultBook,
): void {
  const report: Report = (source, fault) => book.add(source.document, [fault]);
  const settings = get(file, 'files');
  const root = get(settings, 'root');
  const filesRoot =
    typeof root === 'string' && !/[{}\0]/.test(root) ? resolve(dirname(main.file), root) : undefined;
  if (rules.length === 0 && Array.isArray(get(file, 'rules')) && !book.hasBroken())
    book.add(main, [sayNoRules(main)]);
  const syslog = get(file, 'syslog');
  const add = (fault: PlacedFault) => book.add(main, [fault]);
  const note = (found: PlacedFault) => book.note(found);
  checkListeners(main, get(syslog, 'listen'), add);
  checkServerTls(main, syslog, rules, add, note);
  noteProxies(main, get(syslog, 'proxyProtocol'), note);
  checkNtp(main, get(file, 'ntp'), add);
  checkRules(rules, report);
  checkSenders(rules, get(syslog, 'allow'), (_, found) => book.note(found));
  checkSettings(rules, settings, filesRoot, report);
  book.add(main, checkSocketPath(main, ['control', 'socket'], get(get(file, 'control'), 'socket')));
  if (!(options.checkFiles ?? true)) return;
  if (get(syslog, 'tls') !== undefined)
    checkCertificates(
      main,
      ['syslog', 'tls'],
      get(syslog, 'tls'),
      'server',
      options.nowMs ?? Date.now(),
      add,
      note,
    );
  checkFilesWritable(rules, settings, filesRoot, accounts, report);
  book.add(main, checkOwners(main, ['files'], settings, accounts));
  for (const rule of rules)
    book.add(
      rule.document,
      checkOwners(rule.document, [...rule.path, 'file'], get(rule.value, 'file'), accounts),
    );
}

function sayNoRules(main: Document): PlacedFault {
  return placeSaid(main, {
    code: 'CONFIG_NO_RULES',
    path: ['rules'],
    part: 'value',
    what: 'There is no rule, so every message would go nowhere.',
    mend: 'Add one for all messages: "rules": [{ "name": "everything", "file": "{fromHostIp}/{program}.log" }]',
  });
}

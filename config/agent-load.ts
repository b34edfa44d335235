// Loads agent.json: reads, checks, resolves. Either there is a configuration and no fault, or there are all the
// faults at once, each with line, column and key, in the order in which they stand.
//
// Refuses: to hand out half a configuration, and to change anything on the disk.

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Fault } from '../base/fault.ts';
import { readAccounts } from './accounts.ts';
import { noteHost } from './agent-host.ts';
import { resolveAgent } from './agent-resolve.ts';
import { noteAgent } from './agent-notes.ts';
import { checkAgentWhole } from './agent-rules.ts';
import type { AgentConfig } from './agent.ts';
import { checkCertificates } from './check-tls.ts';
import { type Document, type PlacedFault, readDocument } from './document.ts';
import { FaultBook } from './fault-book.ts';
import { makeFormats } from './formats.ts';
import type { LoadedBase, LoadOptions } from './load.ts';
import { checkSocketPath } from './permissions.ts';
import { get } from './rules.ts';
import { checkAgentFile } from './validate.ts';

/** Either a configuration without faults, or all its faults. */
export type LoadedAgent =
  | (LoadedBase & { readonly config: AgentConfig; readonly faults: readonly [] })
  | (LoadedBase & { readonly config: undefined; readonly faults: readonly Fault[] });

export function loadAgentConfig(path: string, options: LoadOptions): LoadedAgent {
  return loadAgentDocument(readDocument(resolve(path), 'agent'), options);
}

export function loadAgentDocument(document: Document, options: LoadOptions): LoadedAgent {
  const book = new FaultBook();
  book.add(document, document.faults);
  const { file, faults } = checkAgentFile(
    document,
    makeFormats(readAccounts(), options.checkSelector, options.checkFilter),
  );
  book.add(document, faults);
  if (document.root !== undefined) checkWhole(document, file, options, book);
  const found = book.faults();
  if (found.length > 0)
    return { config: undefined, faults: found, notes: book.notes(), sources: book.sources() };
  const config = resolveAgent(document, file, hostname());
  noteAgent(document, config, (note) => book.note(note));
  if (options.checkFiles ?? true) noteHost(document, config, options.findFiles, (note) => book.note(note));
  return { config, faults: [], notes: book.notes(), sources: book.sources() };
}

/** The checks that look at more than one key. */
function checkWhole(document: Document, file: unknown, options: LoadOptions, book: FaultBook): void {
  const add = (found: PlacedFault) => book.add(document, [found]);
  checkAgentWhole(document, file, add);
  book.add(document, checkSocketPath(document, ['control', 'socket'], get(get(file, 'control'), 'socket')));
  for (const [at, input] of listOf(file, 'inputs').entries())
    if (get(input, 'type') === 'devlog')
      book.add(document, checkSocketPath(document, ['inputs', at, 'path'], get(input, 'path')));
  if (!(options.checkFiles ?? true)) return;
  for (const [at, destination] of listOf(file, 'destinations').entries()) {
    const path = ['destinations', at, 'tls'];
    const nowMs = options.nowMs ?? Date.now();
    checkCertificates(document, path, get(destination, 'tls'), 'client', nowMs, add, (one) => book.note(one));
  }
}

function listOf(file: unknown, key: string): readonly unknown[] {
  const list = get(file, key);
  return Array.isArray(list) ? list : [];
}

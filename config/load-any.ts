// Loads a configuration of either kind, told apart by its keys. One that holds keys of both is refused: two
// programs run from two files.

import { basename, resolve } from 'node:path';
import { type LoadedAgent, loadAgentDocument } from './agent-load.ts';
import { readDocument } from './document.ts';
import { kindOf } from './kind.ts';
import { type Loaded, type LoadOptions, loadServerDocument } from './load.ts';

export type LoadedAny =
  | { readonly kind: 'server'; readonly loaded: Loaded }
  | { readonly kind: 'agent'; readonly loaded: LoadedAgent };

/** With keys of both kinds each key of the agent is a fault. */
export function loadAnyConfig(path: string, options: LoadOptions): LoadedAny {
  const document = readDocument(resolve(path), basename(path).includes('agent') ? 'agent' : 'server');
  return kindOf(document) === 'agent'
    ? { kind: 'agent', loaded: loadAgentDocument(document, options) }
    : { kind: 'server', loaded: loadServerDocument(document, options) };
}

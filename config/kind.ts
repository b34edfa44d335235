// The kinds of files that an operator writes: server.json, the rules that it includes, and agent.json. For each its
// schema, the page that explains its keys, and the keys that belong to another kind or to a later version.
//
// A file is told apart by its keys, not by its name. One that holds keys of both kinds is neither.

import { agentSchema } from './agent.schema.ts';
import type { Document } from './document.ts';
import { LATER_AGENT_KEYS, LATER_SERVER_KEYS, type LaterKeys } from './later.ts';
import { rulesFileSchema, serverSchema } from './server.schema.ts';

export interface FileKind {
  readonly name: 'server' | 'rules' | 'agent';
  readonly schema: object;
  /** Below docs/. */
  readonly page: string;
  readonly later: LaterKeys;
  /** Keys of the top level that another kind of file has, and what to do with them. */
  readonly foreign: { readonly keys: readonly string[]; readonly what: string; readonly mend: string };
}

/** Keys that only one of the two programs has. */
const SERVER_KEYS = Object.keys(serverSchema.properties).filter(
  (key) => !Object.hasOwn(agentSchema.properties, key),
);
const AGENT_KEYS = ['inputs', 'destinations', 'traffic', ...Object.keys(LATER_AGENT_KEYS['Top level'] ?? {})];

const OF_AGENT = {
  keys: AGENT_KEYS,
  what: 'is a key of the agent (agent.json), not of the server.',
  mend: 'Run this file with `belfry agent -c FILE`, or move the key to a file for the agent: docs/config-agent.md',
} as const;

const OF_SERVER = {
  keys: SERVER_KEYS,
  what: 'is a key of the server (server.json), not of the agent.',
  mend: 'Run this file with `belfry serve -c FILE`, or move the key to a file for the server: docs/config.md',
} as const;

export const SERVER_FILE: FileKind = {
  name: 'server',
  schema: serverSchema,
  page: 'config.md',
  later: LATER_SERVER_KEYS,
  foreign: OF_AGENT,
};

export const RULES_FILE: FileKind = {
  name: 'rules',
  schema: rulesFileSchema,
  page: 'config.md',
  later: LATER_SERVER_KEYS,
  foreign: { keys: [], what: '', mend: '' },
};

export const AGENT_FILE: FileKind = {
  name: 'agent',
  schema: agentSchema,
  page: 'config-agent.md',
  later: LATER_AGENT_KEYS,
  foreign: OF_SERVER,
};

/** A file with keys of both is looked at as a server's, and so is one with keys of neither. */
export function kindOf(document: Document): 'server' | 'agent' {
  const value = document.value;
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const has = (own: readonly string[]) => keys.some((key) => own.includes(key));
  return has(AGENT_KEYS) && !has(SERVER_KEYS) ? 'agent' : 'server';
}

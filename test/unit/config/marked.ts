// Configurations for tests, written with a mark where a fault is expected: `{ ^"colour": 3 }`. The line and
// column of the mark are counted here, in another way than the program counts them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type LoadedAgent, loadAgentConfig } from '../../../config/agent-load.ts';
import { type Loaded, loadServerConfig } from '../../../config/load.ts';
import { type LoadedAny, loadAnyConfig } from '../../../config/load-any.ts';
import { compileSelector } from '../../../syslog/selector.ts';
import { checkFilter } from '../../../traffic/filter/parse.ts';

export const MARK = '^';

export function removeMark(text: string): string {
  return text.replaceAll(MARK, '');
}

export function markPosition(text: string): { line: number; column: number } {
  const before = text.slice(0, text.indexOf(MARK)).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** A folder of its own with the files in it; their paths are relative to it. */
export function makeFiles(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-config-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof text === 'string' ? removeMark(text) : text);
  }
  return folder;
}

export function load(path: string, checkFiles = false): Loaded {
  return loadServerConfig(path, { checkSelector: compileSelector, checkFiles });
}

/** Loads server.json of these files. */
export function loadFiles(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Loaded {
  return load(join(makeFiles(t, files), 'server.json'));
}

export function loadText(t: TestContext, text: string): Loaded {
  return loadFiles(t, { 'server.json': text });
}

export function loadAgent(path: string, checkFiles = false): LoadedAgent {
  return loadAgentConfig(path, { checkFilter, checkSelector: compileSelector, checkFiles });
}

export function loadAgentText(t: TestContext, text: string): LoadedAgent {
  return loadAgent(join(makeFiles(t, { 'agent.json': text }), 'agent.json'));
}

export function loadAny(path: string, checkFiles = false): LoadedAny {
  return loadAnyConfig(path, { checkFilter, checkSelector: compileSelector, checkFiles });
}

// What is legal alone and foolish together below `traffic`: "any" beside names, events that nobody gets, a log that is
// read back. Runs beside other faults, so it trusts no type. And what this host has to say to it: interfaces that are
// missing, a log that cannot be written; worth a look, and no reason to refuse the configuration.

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { nearest } from '../base/nearest.ts';
import type { Accounts, Identity } from './accounts.ts';
import type { InputConfig, TrafficConfig } from './agent.ts';
import type { Note } from './agent-host.ts';
import type { Add } from './agent-rules.ts';
import type { Document, Path } from './document.ts';
import { coversBelow, mayMatchBelow } from './file-glob.ts';
import { get, textList } from './rules.ts';
import { placeSaid } from './validate.ts';
import { writeProblem } from './writable.ts';

const ANY = 'any';

export function checkTraffic(document: Document, file: unknown, add: Add): void {
  const traffic = get(file, 'traffic');
  if (typeof traffic !== 'object' || traffic === null || Array.isArray(traffic)) return;
  const conflict = (path: Path, what: string, mend: string) =>
    add(placeSaid(document, { code: 'CONFIG_CONFLICT', path, part: 'value', what, mend }));
  const interfaces = textList(get(traffic, 'interfaces'));
  if (interfaces.length > 1 && interfaces.includes(ANY)) {
    const mend = 'Leave "any" alone, or name the interfaces without it.';
    const path = ['traffic', 'interfaces', interfaces.indexOf(ANY)];
    conflict(path, '"any" stands beside other interfaces, which it means already.', mend);
  }
  checkWays(document, file, traffic, add);
  checkPace(traffic, conflict);
}

/** Where there are inputs the same fault stands with them. */
function checkWays(document: Document, file: unknown, traffic: unknown, add: Add): void {
  if (!isEmptyList(get(file, 'destinations')) || !isEmptyList(get(file, 'inputs'))) return;
  if (get(traffic, 'log') !== undefined) return;
  add(
    placeSaid(document, {
      code: 'CONFIG_NO_DESTINATION',
      path: ['traffic'],
      part: 'key',
      what: 'Connections are watched, but there is no destination and no log, so nobody would hear of them.',
      mend: 'Add "destinations": [{ "to": "relp://172.31.100.94:2514" }], or a "log" in "traffic".',
    }),
  );
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function checkPace(traffic: object, conflict: (path: Path, what: string, mend: string) => void): void {
  const rate = get(traffic, 'rateLimit');
  for (const [own, all] of [
    ['clientPerSecond', 'perSecond'],
    ['clientBurst', 'burst'],
  ] as const) {
    const [one, every] = [get(rate, own), get(rate, all)];
    if (typeof one !== 'number' || typeof every !== 'number' || one <= every) continue;
    const what = `One client may have more ("${own}": ${one}) than all together ("${all}": ${every}).`;
    conflict(['traffic', 'rateLimit'], what, `Set both: { "${own}": ${every}, "${all}": ${every} }.`);
  }
}

// ---- this host

export function noteTraffic(
  traffic: TrafficConfig,
  inputs: readonly InputConfig[],
  accounts: Accounts,
  identity: Identity,
  note: Note,
): void {
  const known = knownInterfaces();
  for (const [at, name] of traffic.interfaces.entries()) {
    if (name === ANY || known === undefined || known.includes(name)) continue;
    const near = nearest(name, known);
    note(['traffic', 'interfaces', at], {
      what: `There is no interface ${name} on this host at the moment.`,
      mend: `${near === undefined ? '' : `Did you mean "${near}"? `}There are ${known.join(', ')}. One that comes later is watched then.`,
    });
  }
  if (traffic.log !== undefined) noteLog(traffic.log.path, inputs, accounts, identity, note);
}

/** Those of this network namespace (proc(5)); undefined where that cannot be read. */
function knownInterfaces(): string[] | undefined {
  try {
    const rows = readFileSync('/proc/self/net/dev', 'utf8').split('\n').slice(2);
    return rows.flatMap((row) => /^\s*(\S+?):/.exec(row)?.[1] ?? []).sort();
  } catch {
    return undefined;
  }
}

function noteLog(
  path: string,
  inputs: readonly InputConfig[],
  accounts: Accounts,
  identity: Identity,
  note: Note,
): void {
  const target = { root: '/', template: path, parts: [{ kind: 'text', text: path.slice(1) }] } as const;
  const problem = writeProblem(target, false, accounts, identity);
  if (problem !== undefined) note(['traffic', 'log'], problem);
  const reader = inputs.find((input) => input.type === 'file' && reads(input, path));
  if (reader === undefined) return;
  note(['traffic', 'log'], {
    what: `The input "${reader.name}" reads this log: each event is sent twice, once as a message and once as a line.`,
    mend: 'Narrow its "path", exclude this file, or leave out one of the two.',
  });
}

/** As far as patterns can tell; a link may lead to it all the same. */
function reads(input: InputConfig & { type: 'file' }, path: string): boolean {
  return (
    input.paths.some((pattern) => pattern === path || matchesFile(pattern, path)) &&
    !input.exclude.some((one) => one === path || matchesFile(one, path) || coversBelow(one, dirname(path)))
  );
}

function matchesFile(pattern: string, path: string): boolean {
  // A file is to its pattern what a directory is to the pattern with something below it.
  return mayMatchBelow(`${pattern}/*`, path) && !pattern.endsWith('**');
}

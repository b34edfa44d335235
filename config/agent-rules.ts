// What is legal alone and foolish together in agent.json: inputs that lead nowhere, two things of one name, one source
// that is read twice; with config/check-destination.ts and config/check-queues.ts. Runs on whatever could be read,
// also beside other faults: it trusts no type, and stays silent about what has a fault already.

import { printPlace } from '../base/fault.ts';
import { listenKey, parseListen } from './address-formats.ts';
import { destinationNames, inputNames, pathBeside } from './agent-names.ts';
import type { Conflict, Part } from './agent-part.ts';
import { checkDestination } from './check-destination.ts';
import { checkOwnFiles, checkQueues } from './check-queues.ts';
import { checkTraffic } from './check-traffic.ts';
import { type Document, type Path, type PlacedFault, placeInDocument } from './document.ts';
import { get } from './rules.ts';
import { placeSaid } from './validate.ts';

export type Add = (found: PlacedFault) => void;

export function checkAgentWhole(document: Document, file: unknown, add: Add): void {
  const inputs = partsOf('inputs', get(file, 'inputs'), inputNames);
  const destinations = partsOf('destinations', get(file, 'destinations'), destinationNames);
  const checks = new Checks(document, add);
  checks.ways(inputs, destinations, get(file, 'destinations'));
  checks.names('inputs', inputs);
  checks.names('destinations', destinations);
  checks.sources(inputs);
  checks.matches(inputs);
  const conflict: Conflict = (path, what, mend) => checks.conflict(path, what, mend);
  for (const destination of destinations) checkDestination(destination, conflict);
  checkQueues(document, destinations, conflict);
  checkOwnFiles(document, inputs, destinations, conflict);
  checkTraffic(document, file, add);
}

function partsOf(key: string, list: unknown, namesOf: (list: readonly unknown[]) => string[]): Part[] {
  if (!Array.isArray(list)) return [];
  const names = namesOf(list);
  return list.map((value: unknown, at) => ({ path: [key, at], value, name: names[at] ?? '' }));
}

class Checks {
  readonly #document: Document;
  readonly #add: Add;

  constructor(document: Document, add: Add) {
    this.#document = document;
    this.#add = add;
  }

  conflict(path: Path, what: string, mend: string): void {
    this.#add(placeSaid(this.#document, { code: 'CONFIG_CONFLICT', path, part: 'value', what, mend }));
  }

  #placeOf(path: Path): string {
    return printPlace(placeInDocument(this.#document, path, 'value'));
  }

  ways(inputs: readonly Part[], destinations: readonly Part[], list: unknown): void {
    if (inputs.length === 0 || destinations.length > 0 || (list !== undefined && !Array.isArray(list)))
      return;
    this.#add(
      placeSaid(this.#document, {
        code: 'CONFIG_NO_DESTINATION',
        path: ['inputs'],
        part: 'key',
        what: 'There are inputs but no destination, so no message could go anywhere.',
        mend: 'Add one: "destinations": [{ "to": "relp://172.31.100.94:2514" }]',
      }),
    );
  }

  names(list: 'inputs' | 'destinations', parts: readonly Part[]): void {
    this.#doubles(
      parts,
      ({ name }) => name,
      (part, first) => {
        const hasName = typeof get(part.value, 'name') === 'string';
        const path = hasName ? [...part.path, 'name'] : part.path;
        const own = hasName ? '' : ' (this one by default)';
        const what = `Two ${list} have the name "${part.name}"${own}; the first stands in ${this.#placeOf(first.path)}.`;
        this.conflict(path, what, 'Give each a "name" of its own.');
      },
    );
  }

  /** Calls `found` for each part that has the key of an earlier one. */
  #doubles(
    parts: readonly Part[],
    keyOf: (part: Part) => string | undefined,
    found: (part: Part, first: Part) => void,
  ): void {
    const seen = new Map<string, Part>();
    for (const part of parts) {
      const key = keyOf(part);
      if (key === undefined) continue;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, part);
      else found(part, first);
    }
  }

  /** What two inputs would both read: each message would come twice, or one of them would never start. */
  sources(inputs: readonly Part[]): void {
    const entries = inputs.flatMap((input) => this.#sourcesOf(input));
    this.#doubles(
      entries,
      ({ name }) => name,
      (entry, first) => {
        const what = `Two inputs read ${entry.name}; the first stands in ${this.#placeOf(first.path)}.`;
        this.conflict(entry.path, what, 'Remove one of the two.');
      },
    );
  }

  /** Each source of an input, named in words. */
  #sourcesOf({ path, value }: Part): Part[] {
    const entry = (name: string, ...more: Path): Part => ({ path: [...path, ...more], value, name });
    const texts = (key: string): [string, Path][] => {
      const own = get(value, key);
      const at = (index: number): Path => (Array.isArray(own) ? [key, index] : [key]);
      return [own].flat().flatMap((text, index) => (typeof text === 'string' ? [[text, at(index)]] : []));
    };
    switch (get(value, 'type')) {
      case 'journald': {
        const own = ['directory', 'matches'].map((key) => JSON.stringify(get(value, key) ?? null));
        return own.join() === 'null,[]'
          ? [entry('the whole journal')]
          : [entry(`the same journal (${own.join(', ')})`)];
      }
      case 'file':
        return texts('path').map(([text, at]) => entry(pathBeside(this.#document, text), ...at));
      case 'devlog':
        return texts('path').map(([text, at]) =>
          entry(`the socket ${pathBeside(this.#document, text)}`, ...at),
        );
      case 'listen':
        return texts('listen').flatMap(([text, at]) => {
          const listen = parseListen(text);
          return listen === undefined || listen.port === 0 ? [] : [entry(listenKey(listen), ...at)];
        });
      case 'stdin':
        return [entry('standard input')];
      default:
        return [];
    }
  }

  /** journalctl takes a "+" between two groups alone, and would read nothing otherwise. */
  matches(inputs: readonly Part[]): void {
    for (const { path, value } of inputs) {
      const matches = get(value, 'matches');
      if (get(value, 'type') !== 'journald' || !Array.isArray(matches)) continue;
      const isTerm = (at: number) => typeof matches[at] === 'string' && matches[at] !== '+';
      const at = matches.findIndex(
        (text, index) => text === '+' && !(isTerm(index - 1) && isTerm(index + 1)),
      );
      if (at < 0) continue;
      const what = 'This "+" does not stand between two groups.';
      this.conflict([...path, 'matches', at], what, 'Remove it, or name a field on both of its sides.');
    }
  }
}

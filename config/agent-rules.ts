// What is legal alone and foolish together in agent.json: inputs that lead nowhere, two things of one name, queues
// that share a directory, a pattern that would read the queue itself. Runs on whatever could be read, also beside
// other faults: it trusts no type, and stays silent about what has a fault already.

import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { printPlace } from '../base/fault.ts';
import { parseSpan } from '../base/units.ts';
import { listenKey, parseListen } from './address-formats.ts';
import { destinationNames, inputNames, pathBeside, queueDirectory } from './agent-names.ts';
import { type Document, type Path, type PlacedFault, placeInDocument } from './document.ts';
import { coversBelow, mayMatchBelow } from './file-glob.ts';
import { get, textList } from './rules.ts';
import { parseTarget } from './target.ts';
import { placeSaid } from './validate.ts';

export type Add = (found: PlacedFault) => void;

/** Where an input or a destination stands, with the name that it goes by. */
interface Part {
  readonly path: Path;
  readonly value: unknown;
  readonly name: string;
}

export function checkAgentWhole(document: Document, file: unknown, add: Add): void {
  const inputs = partsOf('inputs', get(file, 'inputs'), inputNames);
  const destinations = partsOf('destinations', get(file, 'destinations'), destinationNames);
  const checks = new Checks(document, add);
  checks.ways(inputs, destinations, get(file, 'destinations'));
  checks.names('inputs', inputs);
  checks.names('destinations', destinations);
  checks.sources(inputs);
  for (const destination of destinations) checks.destination(destination);
  checks.queues(destinations);
  checks.ownFiles(inputs, destinations);
}

function partsOf(key: string, list: unknown, namesOf: (list: readonly unknown[]) => string[]): Part[] {
  if (!Array.isArray(list)) return [];
  const names = namesOf(list);
  return list.map((value: unknown, at) => ({ path: [key, at], value, name: names[at] ?? '' }));
}

/** The directory of a destination's queue, if it can be told. */
function directoryOf(document: Document, { value, name }: Part): string | undefined {
  const directory = get(get(value, 'queue'), 'directory');
  if (directory !== undefined && typeof directory !== 'string') return undefined;
  return queueDirectory(document, directory, name);
}

class Checks {
  readonly #document: Document;
  readonly #add: Add;

  constructor(document: Document, add: Add) {
    this.#document = document;
    this.#add = add;
  }

  #conflict(path: Path, what: string, mend: string): void {
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
        this.#conflict(path, what, 'Give each a "name" of its own.');
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
        this.#conflict(entry.path, what, 'Remove one of the two.');
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

  destination(part: Part): void {
    this.#targets(part);
    this.#tls(part);
    const min = parseSpan(String(get(get(part.value, 'retry'), 'min')));
    const max = parseSpan(String(get(get(part.value, 'retry'), 'max')));
    if (min !== undefined && max !== undefined && min > max) {
      const what = `The first wait ("min") is longer than the longest ("max").`;
      this.#conflict(
        [...part.path, 'retry'],
        what,
        'Swap the two, or set both: { "min": "100ms", "max": "30s" }.',
      );
    }
  }

  #targets({ path, value }: Part): void {
    const to = get(value, 'to');
    if (!Array.isArray(to)) return;
    const targets = to.map((text) => (typeof text === 'string' ? parseTarget(text) : undefined));
    const seen = new Set<string>();
    const scheme = targets.find((target) => target !== undefined)?.scheme;
    for (const [at, target] of targets.entries()) {
      if (target === undefined) continue;
      if (target.scheme !== scheme) {
        const what = `The addresses of one destination have different schemes: ${scheme}:// and ${target.scheme}://.`;
        const mend =
          'Write a destination of its own for each, or one scheme for all: the later ones stand in for the first.';
        this.#conflict([...path, 'to', at], what, mend);
        return;
      }
      const key = `${target.host.toLowerCase()} ${target.port}`;
      if (seen.has(key))
        this.#conflict([...path, 'to', at], `"${target.text}" stands twice.`, 'Remove one of the two.');
      seen.add(key);
    }
  }

  #tls({ path, value }: Part): void {
    const tls = get(value, 'tls');
    const [first] = textList(get(value, 'to'));
    const scheme = first === undefined ? undefined : parseTarget(first)?.scheme;
    const keys = ['ca', 'cert', 'key', 'serverName'].filter((key) => get(tls, key) !== undefined);
    if (scheme !== undefined && scheme !== 'tls' && scheme !== 'relps' && keys.length > 0) {
      const secure = scheme === 'relp' ? 'relps' : 'tls';
      const what = `The destination has "tls", but "${first}" goes without it, readable for everyone on the way.`;
      this.#conflict([...path, 'tls'], what, `Write ${secure}:// in "to", or remove "tls".`);
    }
    for (const [own, other] of [
      ['cert', 'key'],
      ['key', 'cert'],
    ] as const) {
      if (get(tls, own) === undefined || get(tls, other) !== undefined) continue;
      const what = `"tls" has a "${own}" and no "${other}".`;
      this.#conflict([...path, 'tls', own], what, `Add "${other}", or remove "${own}".`);
    }
  }

  /** Two queues in one directory, or one within the other. Two of one name have their fault already. */
  queues(destinations: readonly Part[]): void {
    const seen: { readonly part: Part; readonly directory: string }[] = [];
    for (const part of destinations) {
      const directory = directoryOf(this.#document, part);
      if (directory === undefined) continue;
      const other = seen.find((one) => one.part.name !== part.name && meets(one.directory, directory));
      if (other !== undefined) {
        const what =
          other.directory === directory
            ? `The destinations "${other.part.name}" and "${part.name}" have one queue directory: ${directory}.`
            : `One queue lies within another: ${directory} ("${part.name}") and ${other.directory} ("${other.part.name}").`;
        const mend = `Give each a directory of its own (${this.#placeOf(other.part.path)}).`;
        this.#conflict([...part.path, 'queue', 'directory'], what, mend);
      }
      seen.push({ part, directory });
    }
  }

  /** A pattern that reads the queue feeds each message back into it, for ever. */
  ownFiles(inputs: readonly Part[], destinations: readonly Part[]): void {
    const directories = destinations.flatMap((part) => {
      const directory = directoryOf(this.#document, part);
      return directory === undefined ? [] : [directory, realDirectory(directory)];
    });
    for (const { path, value } of inputs) {
      if (get(value, 'type') !== 'file') continue;
      const own = get(value, 'path');
      const excluded = textList(get(value, 'exclude')).map((text) => pathBeside(this.#document, text));
      for (const [at, text] of [own].flat().entries()) {
        if (typeof text !== 'string') continue;
        const pattern = pathBeside(this.#document, text);
        const met = directories.find(
          (directory) =>
            FOLDERS.some((folder) => mayMatchBelow(pattern, join(directory, folder))) &&
            !excluded.some((one) => coversBelow(one, directory)),
        );
        if (met === undefined) continue;
        const what = `"${text}" can match files of Belfry's own queue below ${met}: each message would be read again, for ever.`;
        const mend = `Narrow the pattern, or add "exclude": "${met}/**".`;
        this.#conflict([...path, 'path', ...(Array.isArray(own) ? [at] : [])], what, mend);
      }
    }
  }
}

/** Where the files of a destination lie below its queue.directory. */
const FOLDERS = ['records', 'checkpoints'];

/** Without the symbolic links of what exists of it. */
function realDirectory(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    const above = dirname(directory);
    return above === directory ? directory : join(realDirectory(above), basename(directory));
  }
}

function meets(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b === '/' ? '' : b}/`) || b.startsWith(`${a === '/' ? '' : a}/`);
}

// What follows from agent.json without being written in it: names of inputs and destinations, directories of
// queues, absolute paths. Works on whatever could be read, also beside faults, so that the checks and the values
// go by the same names.

import { dirname, join, resolve } from 'node:path';
import type { Document } from './document.ts';
import { get } from './rules.ts';

const QUEUES = '/var/lib/belfry/queue';

/** Relative paths are taken from the folder of the file that they stand in. */
export function pathBeside(document: Document, path: string): string {
  return resolve(dirname(document.file), path);
}

/** The type, with a number from the second one of that type on. */
export function inputNames(inputs: readonly unknown[]): string[] {
  const counts = new Map<string, number>();
  return inputs.map((input) => {
    const type = String(get(input, 'type'));
    const count = (counts.get(type) ?? 0) + 1;
    counts.set(type, count);
    const name = get(input, 'name');
    if (typeof name === 'string') return name;
    return count === 1 ? type : `${type}${count}`;
  });
}

export function destinationNames(destinations: readonly unknown[]): string[] {
  return destinations.map((destination, at) => {
    const name = get(destination, 'name');
    return typeof name === 'string' ? name : `destination${at + 1}`;
  });
}

export function queueDirectory(document: Document, directory: string | undefined, name: string): string {
  return directory === undefined ? join(QUEUES, name) : pathBeside(document, directory);
}

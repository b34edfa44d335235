// All that is found in the files of one configuration, by file, in the order in which the files were read; within
// a file in the order in which it stands.

import type { Fault } from '../base/fault.ts';
import type { Document, PlacedFault } from './document.ts';

export class FaultBook {
  readonly #found = new Map<Document, PlacedFault[]>();
  readonly #notes: PlacedFault[] = [];

  add(document: Document, faults: readonly PlacedFault[]): void {
    const own = this.#found.get(document) ?? [];
    own.push(...faults);
    this.#found.set(document, own);
  }

  /** What is foolish but does no harm. */
  note(found: PlacedFault): void {
    this.#notes.push(found);
  }

  /** A file that could not be read as JSON: nobody knows which rules it would have brought. */
  hasBroken(): boolean {
    return [...this.#found.keys()].some((document) => document.root === undefined);
  }

  sources(): string[] {
    return [...this.#found.keys()].map((document) => document.file);
  }

  faults(): Fault[] {
    return [...this.#found.values()].flatMap((faults) =>
      faults.sort((a, b) => a.offset - b.offset).map(({ fault }) => fault),
    );
  }

  notes(): Fault[] {
    return this.#notes.map(({ fault }) => fault);
  }
}

// Known NTP packets and values of other programs, where they lie beside the repository. The suite passes
// without them.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Vector {
  readonly src: string;
  readonly kind: string;
  readonly hex: string;
  readonly expect: Readonly<Record<string, unknown>>;
}

/** `../shared/vectors/ntp.jsonl` beside the repository, looked for from here upwards. */
function findFile(): string | undefined {
  for (
    let folder = dirname(fileURLToPath(import.meta.url));
    folder !== dirname(folder);
    folder = dirname(folder)
  ) {
    const candidate = join(folder, '..', 'shared', 'vectors', 'ntp.jsonl');
    if (existsSync(join(folder, 'package.json')) && existsSync(candidate)) return candidate;
  }
  return undefined;
}

const file = findFile();
const all: readonly Vector[] =
  file === undefined
    ? []
    : readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Vector);

/** For the `skip` of a test: false, or why it cannot run. */
export const withoutVectors: string | false =
  file === undefined ? 'the vectors of other programs are not beside the repository' : false;

export function vectors(...kinds: readonly string[]): readonly Vector[] {
  return all.filter(({ kind }) => kinds.includes(kind));
}

export function bytesOf(vector: Vector): Buffer {
  return Buffer.from(vector.hex, 'hex');
}

// Before anything is changed: is it root's host to change, and did a person say yes?

import { createInterface } from 'node:readline/promises';
import { Fault } from '../../base/fault.ts';
import type { Io } from '../io.ts';

export interface Consent {
  readonly yes?: boolean;
  readonly root?: string;
}

export function demandRoot(words: string, { root }: Consent): void {
  if (root !== undefined || process.getuid?.() === 0) return;
  throw new Fault('INSTALL_PERMISSION', {
    what: `${words} changes the system, which only root may.`,
    mend: 'Run it with sudo, or see what it would do with --dry-run.',
  });
}

/** True: go on. Where nobody can be asked, --yes must have been said. */
export async function mayGoOn({ yes }: Consent, io: Io): Promise<boolean> {
  if (yes === true) return true;
  if (!io.stdinIsTerminal || !io.stderrIsTerminal)
    throw new Fault('CLI_USAGE', {
      what: 'Nobody is here to ask whether to go on.',
      mend: 'Say --yes, or --dry-run to see what would be done.',
    });
  // On the terminal itself, whose echo is its own.
  const asker = createInterface({ input: io.stdin });
  try {
    io.stderr('Go on? [y/N] ');
    return /^y(es)?$/i.test((await asker.question('')).trim());
  } finally {
    asker.close();
  }
}

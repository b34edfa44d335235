// Whether a service can run this Belfry: its own user must reach Node and the program, and homes and temporary
// folders are not there for it (ProtectHome=, PrivateTmp= of the units).

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../../base/fault.ts';

const HIDDEN = ['/home', '/root', '/run/user', '/tmp', '/var/tmp'];

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** For everybody: r and x of a file's or folder's mode (stat(2)). */
const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o001;

/** The first on the way to the file that other users may not read or enter. */
function obstacleOn(path: string): string | undefined {
  if ((statSync(path).mode & OTHERS_READ) === 0) return path;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & OTHERS_ENTER) === 0) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** A Fault says what is in the way. Words that are no paths, such as flags, are passed over. */
export function demandVisible(program: readonly string[]): void {
  for (const path of program.filter((word) => word.startsWith('/'))) {
    const hidden = HIDDEN.find((folder) => isBelow(path, folder));
    if (hidden !== undefined)
      throw new Fault('INSTALL_HIDDEN', {
        what: `A service could not run this Belfry: ${hidden} is hidden from services.`,
        where: path,
        mend: 'Install Node.js and Belfry for the whole system (as root: npm install -g), not for one user.',
      });
    const obstacle = obstacleOn(path);
    if (obstacle !== undefined)
      throw new Fault('INSTALL_HIDDEN', {
        what: `A service could not run this Belfry: only its owner may enter or read ${obstacle}.`,
        where: path,
        mend: `chmod -R go+rX ${obstacle}`,
      });
  }
}

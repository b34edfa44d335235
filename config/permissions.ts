// What this user may do on this host with what the configuration asks for: write the files of the rules, give
// them to other users, bind the control socket. One fault for one obstacle, however many rules meet it.

import { dirname, resolve } from 'node:path';
import { type Accounts, type Identity, ownIdentity } from './accounts.ts';
import { type Document, type Path, type PlacedFault } from './document.ts';
import { get, type Report, type RuleSource, targetOf } from './rules.ts';
import { placeSaid } from './validate.ts';
import { type WriteProblem, writeProblem } from './writable.ts';

/** Room for a path in struct sockaddr_un with its closing NUL (sys/un.h: 108). */
const SOCKET_PATH_BYTES_MAX = 107;

export function checkFilesWritable(
  sources: readonly RuleSource[],
  files: unknown,
  filesRoot: string | undefined,
  accounts: Accounts,
  report: Report,
): void {
  const identity = ownIdentity();
  const met = new Map<
    string,
    { readonly first: RuleSource; readonly problem: WriteProblem; others: number }
  >();
  for (const source of sources) {
    const target = targetOf(source, filesRoot);
    if (target === undefined) continue;
    const rotates = (get(get(source.value, 'file'), 'rotate') ?? get(files, 'rotate') ?? false) !== false;
    const problem = writeProblem(target, rotates, accounts, identity);
    if (problem === undefined) continue;
    const before = met.get(problem.obstacle);
    if (before === undefined) met.set(problem.obstacle, { first: source, problem, others: 0 });
    else before.others += 1;
  }
  for (const { first, problem, others } of met.values()) {
    const more = others === 0 ? '' : ` The same holds for ${others} more ${others === 1 ? 'rule' : 'rules'}.`;
    const path = [...first.path, 'file'];
    report(
      first,
      placeSaid(first.document, {
        code: 'CONFIG_FILE_NOT_WRITABLE',
        path,
        part: 'value',
        what: problem.what + more,
        mend: problem.mend,
      }),
    );
  }
}

/** Owner and group of new files, where they are set. */
export function checkOwners(
  document: Document,
  path: Path,
  settings: unknown,
  accounts: Accounts,
): PlacedFault[] {
  const identity = ownIdentity();
  if (identity.mayChown) return [];
  const uid = accountId(get(settings, 'owner'), accounts.users);
  const gid = accountId(get(settings, 'group'), accounts.groups);
  const faults: PlacedFault[] = [];
  if (uid !== undefined && uid !== identity.uid)
    faults.push(placeSaid(document, sayMayNotGive([...path, 'owner'], 'user', identity, accounts)));
  if (gid !== undefined && !identity.groups.includes(gid))
    faults.push(placeSaid(document, sayMayNotGive([...path, 'group'], 'group', identity, accounts)));
  return faults;
}

export function accountId(account: unknown, table: ReadonlyMap<string, number>): number | undefined {
  if (typeof account === 'number') return account;
  return typeof account === 'string' ? table.get(account) : undefined;
}

function sayMayNotGive(path: Path, kind: string, identity: Identity, accounts: Accounts) {
  return {
    code: 'CONFIG_FILE_NOT_WRITABLE',
    path,
    part: 'value',
    what: `User ${accounts.printUser(identity.uid)} may not give files to that ${kind}.`,
    mend: `Remove the key, or grant CAP_CHOWN (AmbientCapabilities=CAP_CHOWN in the unit), or check as the user that the service runs as.`,
  } as const;
}

/** `path` leads to the key that holds the path of a Unix socket. */
export function checkSocketPath(document: Document, path: Path, socket: unknown): PlacedFault[] {
  if (typeof socket !== 'string') return [];
  const absolute = resolve(dirname(document.file), socket);
  const length = Buffer.byteLength(absolute);
  if (length <= SOCKET_PATH_BYTES_MAX) return [];
  return [
    placeSaid(document, {
      code: 'CONFIG_BAD_VALUE',
      path,
      part: 'value',
      what: `The path of the socket has ${length} bytes; Linux takes at most ${SOCKET_PATH_BYTES_MAX}: ${absolute}.`,
      mend: 'Choose a shorter one, such as a name below "/run/belfry/".',
    }),
  ];
}

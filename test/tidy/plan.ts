// The house plan as a table: which room may import which, who alone may import a package, which folder and
// file names there are. The reasons for each border are in ARCHITECTURE.md. A new room is a line here.
//
// Refuses: exceptions. What needs one needs another room.

/** For each room, the rooms that it may import besides itself. Imports go down, never sideways. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = (() => {
  const pure = ['syslog', 'ntp', 'traffic', 'kernel', 'config'];
  const below = [...pure, 'delivery', 'timesync', 'base'];
  const all = [...below, 'daemon', 'client', 'cli'];
  return {
    base: [],
    syslog: ['base'],
    ntp: ['base'],
    traffic: ['base'],
    kernel: ['base'],
    config: ['base'],
    delivery: ['base', 'syslog', 'kernel'],
    timesync: ['base', 'ntp', 'kernel'],
    daemon: below,
    client: below,
    cli: all,
    test: [...all, 'bench', 'tools'],
    bench: [...all, 'test', 'tools'],
    tools: [...all, 'test', 'bench'],
  };
})();

/** Rooms that are not part of the program: free to use any package and to end the process. */
export const FREE_ROOMS: readonly string[] = ['test', 'bench', 'tools'];

/** Each package has one room that knows it. */
export const PACKAGE_ROOMS: Readonly<Record<string, string>> = {
  koffi: 'kernel',
  ajv: 'config',
  'jsonc-parser': 'config',
  'json-schema-to-ts': 'config',
  pino: 'base',
  fastify: 'daemon',
  fastq: 'daemon',
  commander: 'cli',
  'syslog-parse': 'syslog',
  'ntp-packet-parser': 'ntp',
};

/** Top folders that hold no TypeScript. */
export const OTHER_FOLDERS: readonly string[] = ['.ci', 'changes', 'debian', 'docs', 'man', 'systemd', 'web'];

/** Not ours, or made by a command: never read. */
export const UNREAD_FOLDERS: readonly string[] = ['.git', 'node_modules', 'dist', 'var', 'coverage'];

/** A name that says nothing collects everything. */
export const EMPTY_NAMES: readonly string[] = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'lib',
  'core',
  'types',
  'misc',
  'shared',
];

export const TEST_TIERS: readonly string[] = [
  'tidy',
  'unit',
  'property',
  'model',
  'sim',
  'system',
  'regress',
];

/** The one file that knows the command line and the environment and ends the process. */
export const MAIN = 'cli/main.ts';

/** Two to eight lines of comment open a source file, and a drawing of its byte layout where it has one. */
export const HEADER_LINES_MAX = 8 + 8;

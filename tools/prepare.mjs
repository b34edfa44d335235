// Makes a checkout ready to run: packages, dist/ and, with --peers, the real programs that the system tests
// and the benches talk to. Every step looks first and does nothing when all is there.
//
//   node tools/prepare.mjs             packages, then dist/
//   node tools/prepare.mjs --packages  packages only
//   node tools/prepare.mjs --build     packages, then dist/ from an empty folder
//   node tools/prepare.mjs --peers     packages, dist/, and the real peers
//
// Refuses: to need a package itself, to start or enable a service, to fail because a peer is missing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findOrFetchPeers } from './fetch_peers.mjs';

const NODE_FLOOR = [20, 19];
const root = join(import.meta.dirname ?? '.', '..');
const flags = new Set(process.argv.slice(2));

/** Progress goes to stderr, so that what the program prints afterwards can be piped. */
function say(line) {
  process.stderr.write(`prepare: ${line}\n`);
}

function stop(line) {
  say(line);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [floorMajor, floorMinor] = NODE_FLOOR;
  if (major > floorMajor || (major === floorMajor && minor >= floorMinor)) return;
  stop(`Belfry needs Node.js ${NODE_FLOOR.join('.')} or newer, and this is ${process.versions.node}.`);
}

function readPackages(file) {
  if (!existsSync(file)) return undefined;
  const packages = JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  delete packages[''];
  return packages;
}

/**
 * Why the packages must be installed, or undefined. npm leaves node_modules/.package-lock.json behind: the
 * same list as package-lock.json, less the optional packages that are for other platforms.
 */
function whyInstall() {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const present = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === undefined) return 'package-lock.json is missing';
  if (present === undefined) return 'first time here';
  for (const [path, entry] of Object.entries(wanted)) {
    const there = present[path];
    if (there === undefined && entry.optional) continue;
    if (there?.version !== entry.version || there?.integrity !== entry.integrity)
      return `${path} has changed`;
  }
  const extra = Object.keys(present).find((path) => wanted[path] === undefined);
  return extra === undefined ? undefined : `${extra} is no longer wanted`;
}

function installPackages() {
  const why = whyInstall();
  if (why === undefined) return;
  say(`installing packages (${why})`);
  // ci demands a lock file that lists the packages of every platform, which a registry that lacks some of them
  // cannot give; install takes what is listed and leaves the lock file as it is.
  const strict = npm('ci');
  if (strict.status === 0) return;
  const tolerant = npm('install', '--no-save');
  if (tolerant.status === 0) return;
  process.stderr.write(`${strict.stderr}\n${tolerant.stderr}`);
  stop('npm could not install the packages. Is the network there? Nothing else was changed.');
}

/** The npm that runs us, where npm does; --include=dev, since NODE_ENV=production would leave out the compiler. */
function npm(...command) {
  const words = [
    ...command,
    '--include=dev',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const own = process.env.npm_execpath?.endsWith('npm-cli.js') ? process.env.npm_execpath : undefined;
  const [program, args] = own === undefined ? ['npm', words] : [process.execPath, [own, ...words]];
  return spawnSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
}

function build() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  if (!existsSync(compiler)) {
    stop('the TypeScript compiler is not in node_modules; remove node_modules and run this again.');
  }
  if (!existsSync(join(root, 'dist/cli/main.js'))) say('building dist/ (tsc)');
  const done = spawnSync(process.execPath, [compiler, '-p', root], { cwd: root, stdio: ['ignore', 2, 2] });
  if (done.status !== 0) stop('the build failed: see the lines above.');
}

checkNode();
installPackages();
if (flags.has('--build')) rmSync(join(root, 'dist'), { recursive: true, force: true });
if (flags.has('--peers')) findOrFetchPeers(root, say);
if (!flags.has('--packages')) build();

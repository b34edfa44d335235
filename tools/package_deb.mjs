// npm run package:deb: a Debian package of what stands in dist/, with a Node.js runtime of its own, so that the host
// needs none. Made with dpkg-deb alone; what is told apart from the program (control, scripts) stands in debian/.
//
// Refuses: a runtime that is not, byte for byte, the pinned one.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';

/** The long-term release that the package runs on: Node's own runtime package for a platform, in npm's registry. */
const NODE_VERSION = '24.21.0';
/** By Node's name of the architecture: Debian's name, and the checksum that the registry names. */
const PLATFORMS = {
  x64: {
    debian: 'amd64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  arm64: {
    debian: 'arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};
/** What dist/ holds that no operator needs. */
const LEFT_OUT = ['dist/test', 'dist/bench', 'dist/tools', 'dist/peers.json'];
/** What a package of node_modules needs when it runs; all else in it is for whoever works on that package. */
const NEEDED = /(?:\.(?:js|cjs|mjs|json|node)|(?:^|\/)(?:licen[cs]e|copying|notice)[^/]*)$/i;
/** Folders and files of it that nothing loads: tests, papers, tools, and the other C library's binaries. */
const NEEDLESS =
  /(?:^|\/)(?:\.[^/]+|tests?|spec|benchmarks?|examples?|docs|integration|scripts|bin|bin\.js|musl_[^/]+)(?:\/|$)/;
const SHIPPED = ['dist', 'config/examples', 'config/published', 'docs', 'systemd', 'package.json'];

const root = join(import.meta.dirname, '..');

function stop(line) {
  process.stderr.write(`package:deb: ${line}\n`);
  process.exit(1);
}

function run(program, args, cwd = root) {
  const done = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 16 << 20 });
  if (done.status === 0) return done.stdout;
  return stop(`${program} ${args[0]} failed: ${done.error?.message ?? done.stderr.trim()}`);
}

function copy(from, to) {
  fs.mkdirSync(dirname(to), { recursive: true });
  fs.cpSync(from, to, { recursive: true, dereference: true, filter: (path) => !isLeftOut(path) });
}

function isLeftOut(path) {
  const inside = relative(root, path);
  const [, ofPackages] = /^node_modules\/(.*)$/s.exec(inside) ?? [];
  if (ofPackages !== undefined)
    return NEEDLESS.test(ofPackages) || (!NEEDED.test(ofPackages) && !fs.statSync(path).isDirectory());
  return LEFT_OUT.includes(inside) || inside.endsWith('.tsbuildinfo');
}

function write(path, text, mode = 0o644) {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, text, { mode });
  fs.chmodSync(path, mode);
}

/** The packages that the program needs when it runs, as package-lock.json lists them. */
function runtimePackages() {
  const lock = JSON.parse(fs.readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const wanted = Object.entries(lock.packages).filter(([path, entry]) => path !== '' && !entry.dev);
  const missing = wanted.filter(([path, entry]) => !entry.optional && !fs.existsSync(join(root, path)));
  if (missing.length > 0) stop(`${missing[0][0]} is missing. Run: npm run build`);
  return wanted.map(([path]) => path).filter((path) => fs.existsSync(join(root, path)));
}

/** Fetches Node's runtime package; gives its path. */
function fetchRuntime(work) {
  const platform = PLATFORMS[process.arch];
  if (platform === undefined) stop(`no runtime is pinned for ${process.arch}`);
  const name = `node-linux-${process.arch}`;
  run('npm', ['pack', '--loglevel=error', '--prefer-offline', `${name}@${NODE_VERSION}`], work);
  const file = join(work, `${name}-${NODE_VERSION}.tgz`);
  const sum = `sha512-${createHash('sha512').update(fs.readFileSync(file)).digest('base64')}`;
  if (sum !== platform.integrity) stop(`${name} ${NODE_VERSION} is not the one that is pinned: ${sum}`);
  return file;
}

/** Unpacks what is needed of it: the program and its licence. */
function placeRuntime(to, work) {
  const file = fetchRuntime(work);
  run('tar', ['-xzf', file, 'package/bin/node', 'package/LICENSE'], work);
  fs.mkdirSync(to, { recursive: true });
  fs.renameSync(join(work, 'package/bin/node'), join(to, 'node'));
  fs.renameSync(join(work, 'package/LICENSE'), join(to, 'LICENSE'));
}

const LAUNCHER = `#!/bin/sh
# Little room for garbage in each thread: see dist/cli/main.js.
exec /usr/lib/belfry/runtime/node --max-semi-space-size=2 /usr/lib/belfry/dist/cli/main.js "$@"
`;

function placeProgram(tree, work) {
  const home = join(tree, 'usr/lib/belfry');
  for (const path of [...SHIPPED, ...runtimePackages()]) copy(join(root, path), join(home, path));
  placeRuntime(join(home, 'runtime'), work);
  write(join(tree, 'usr/bin/belfry'), LAUNCHER, 0o755);
}

/** Units where systemd looks; the drop-ins stay with the program, off, until belfry install is told to use them. */
function placeUnits(tree) {
  const units = join(root, 'systemd');
  for (const name of fs.readdirSync(units).filter((entry) => /\.(service|socket)$/.test(entry)))
    copy(join(units, name), join(tree, 'usr/lib/systemd/system', name));
  for (const folder of ['sysusers.d', 'tmpfiles.d']) copy(join(units, folder), join(tree, 'usr/lib', folder));
  copy(join(units, 'logrotate.d/belfry'), join(tree, 'etc/logrotate.d/belfry'));
}

function placeDocuments(tree, version) {
  const docs = join(tree, 'usr/share/doc/belfry');
  copy(join(root, 'debian/copyright'), join(docs, 'copyright'));
  const date = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000) * 1000);
  const day = date.toUTCString().replace('GMT', '+0000');
  const entry = `belfry (${version}) unstable; urgency=medium\n\n  * See /usr/lib/belfry/docs.\n\n -- The Belfry authors <belfry@example.org>  ${day}\n`;
  write(join(docs, 'changelog.gz'), gzipSync(entry, { level: 9 }));
  copy(join(root, 'debian/lintian-overrides'), join(tree, 'usr/share/lintian/overrides/belfry'));
  const pages = join(root, 'man');
  for (const page of fs.existsSync(pages) ? fs.readdirSync(pages) : [])
    write(
      join(tree, 'usr/share/man/man1', `${page}.gz`),
      gzipSync(fs.readFileSync(join(pages, page)), { level: 9 }),
    );
}

function filesBelow(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Modes as Debian wants them, whatever the umask was. */
function settleModes(tree) {
  for (const entry of fs.readdirSync(tree, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isProgram = ['runtime/node', 'usr/bin/belfry'].some((end) => path.endsWith(end));
    fs.chmodSync(path, entry.isDirectory() || isProgram ? 0o755 : 0o644);
  }
  fs.chmodSync(tree, 0o755);
}

function placeControl(tree, version) {
  const files = filesBelow(tree);
  const bytes = files.reduce((sum, path) => sum + fs.statSync(path).size, 0);
  const facts = {
    VERSION: version,
    ARCHITECTURE: PLATFORMS[process.arch].debian,
    SIZE: Math.ceil(bytes / 1024),
    NODE: NODE_VERSION,
  };
  const control = join(tree, 'DEBIAN');
  const template = fs.readFileSync(join(root, 'debian/control'), 'utf8');
  write(
    join(control, 'control'),
    template.replace(/@(\w+)@/g, (_, name) => facts[name]),
  );
  copy(join(root, 'debian/conffiles'), join(control, 'conffiles'));
  fs.chmodSync(join(control, 'conffiles'), 0o644);
  for (const script of ['postinst', 'prerm', 'postrm'])
    write(join(control, script), fs.readFileSync(join(root, 'debian', script)), 0o755);
  const sums = files.map((path) => {
    const sum = createHash('md5').update(fs.readFileSync(path)).digest('hex');
    return `${sum}  ${relative(tree, path)}\n`;
  });
  write(join(control, 'md5sums'), sums.sort().join(''));
}

function main() {
  const values = new Command('npm run package:deb --')
    .description('Makes a Debian package of Belfry with a Node.js runtime of its own.')
    .option('--out <folder>', 'where the package is put', join(root, 'var'))
    .option('--version <version>', "the package's version, if not that of package.json")
    .option('--fast', 'larger and made sooner, for tests')
    .option('--probe', 'only whether the runtime is to be had')
    .parse()
    .opts();
  if (!fs.existsSync(join(root, 'dist/cli/main.js'))) stop('dist/ is missing. Run: npm run build');
  const version = values.version ?? JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')).version;
  const { out } = values;
  const work = fs.mkdtempSync(join(tmpdir(), 'belfry-deb-'));
  try {
    if (values.probe === true) return void fetchRuntime(work);
    const tree = join(work, 'tree');
    placeProgram(tree, work);
    placeUnits(tree);
    placeDocuments(tree, version);
    settleModes(tree);
    placeControl(tree, version);
    fs.mkdirSync(out, { recursive: true });
    const file = join(out, `belfry_${version}_${PLATFORMS[process.arch].debian}.deb`);
    const packing = values.fast === true ? ['-Zgzip', '-z1'] : ['-Zxz'];
    run('dpkg-deb', ['--build', '--root-owner-group', ...packing, tree, file]);
    console.log(file);
    process.stderr.write(
      `package:deb: ${basename(file)}, ${(fs.statSync(file).size / 2 ** 20).toFixed(0)} MiB\n`,
    );
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

main();

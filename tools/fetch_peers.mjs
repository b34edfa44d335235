// Finds the real programs that the system tests and the benches talk to (rsyslogd, syslog-ng, loggen, nc,
// tcpdump, softflowd, iptraf-ng, nft, tmux, logger, tail, chronyd, ntpdig, timesyncd, journalctl, and what writes a
// journal). What the machine lacks is fetched with apt and unpacked below a cache folder, side by side: rsyslog
// and syslog-ng exclude each other as packages, not as files. What was found, or why not, is written to
// dist/peers.json, where test/system/peers.ts reads it.
//
// Refuses: to install a package, to run a package's scripts, to start a service, to fail.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findOrBuildRoot } from './fetch_root.mjs';

/**
 * `at`: where the program stands inside its package. `proof`: arguments with which it only says who it is.
 * `says`: what it must say then; others of the same name exist. `installedAs`: its name in PATH, if another.
 * `with`: packages that must lie in the same folder, even if they are installed.
 */
const PEERS = [
  { name: 'rsyslogd', package: 'rsyslog', at: ['usr/sbin/rsyslogd'], proof: ['-v'] },
  // With imrelp and omrelp. A folder of its own, since an installed rsyslogd may lack them.
  {
    name: 'rsyslogd-relp',
    package: 'rsyslog-relp',
    with: ['rsyslog'],
    at: ['usr/sbin/rsyslogd'],
    proof: ['-v'],
  },
  // With TLS over both of its libraries, and RELP over TLS.
  {
    name: 'rsyslogd-tls',
    package: 'rsyslog-gnutls',
    with: ['rsyslog', 'rsyslog-openssl', 'rsyslog-relp', 'librelp0'],
    at: ['usr/sbin/rsyslogd'],
    proof: ['-v'],
  },
  { name: 'syslog-ng', package: 'syslog-ng-core', at: ['usr/sbin/syslog-ng'], proof: ['--version'] },
  { name: 'loggen', package: 'syslog-ng-core', at: ['usr/bin/loggen'], proof: ['--help'] },
  {
    name: 'nc',
    installedAs: 'nc.openbsd',
    package: 'netcat-openbsd',
    at: ['bin/nc.openbsd', 'usr/bin/nc.openbsd'],
    proof: ['-h'],
  },
  { name: 'tcpdump', package: 'tcpdump', at: ['usr/bin/tcpdump', 'usr/sbin/tcpdump'], proof: ['--version'] },
  // Flow accounting on a live interface, as ours; it has no option that only says its name.
  { name: 'softflowd', package: 'softflowd', at: ['usr/sbin/softflowd'], proof: ['-h'] },
  { name: 'softflowctl', package: 'softflowd', at: ['usr/sbin/softflowctl'], proof: ['-h'] },
  { name: 'iptraf-ng', package: 'iptraf-ng', at: ['usr/sbin/iptraf-ng'], proof: ['--help'] },
  // Drops and resets packets on purpose.
  { name: 'nft', package: 'nftables', at: ['usr/sbin/nft', 'sbin/nft'], proof: ['--version'] },
  // A terminal whose screen can be read.
  { name: 'tmux', package: 'tmux', at: ['usr/bin/tmux'], proof: ['-V'] },
  { name: 'logger', package: 'bsdutils', at: ['usr/bin/logger'], proof: ['--version'], says: /util-linux/ },
  { name: 'tail', package: 'coreutils', at: ['usr/bin/tail'], proof: ['--version'] },
  { name: 'chronyd', package: 'chrony', at: ['usr/sbin/chronyd'], proof: ['-v'] },
  { name: 'chronyc', package: 'chrony', at: ['usr/bin/chronyc'], proof: ['-v'] },
  { name: 'ntpdig', package: 'ntpsec-ntpdig', at: ['usr/bin/ntpdig'], proof: ['--version'] },
  {
    name: 'timesyncd',
    package: 'systemd-timesyncd',
    at: ['lib/systemd/systemd-timesyncd', 'usr/lib/systemd/systemd-timesyncd'],
    proof: ['--help'],
  },
  {
    name: 'journalctl',
    package: 'systemd',
    at: ['bin/journalctl', 'usr/bin/journalctl'],
    proof: ['--version'],
  },
  {
    // Looks over unit files; needs no running systemd.
    name: 'systemd-analyze',
    package: 'systemd',
    at: ['bin/systemd-analyze', 'usr/bin/systemd-analyze'],
    proof: ['--version'],
  },
  {
    // Writes a journal from entries in the export format.
    name: 'systemd-journal-remote',
    package: 'systemd-journal-remote',
    at: ['lib/systemd/systemd-journal-remote', 'usr/lib/systemd/systemd-journal-remote'],
    proof: ['--version'],
  },
  {
    // Boots the throw-away Debian of the booted tests.
    name: 'systemd-nspawn',
    package: 'systemd-container',
    with: ['libsystemd-shared'],
    at: ['usr/bin/systemd-nspawn'],
    proof: ['--version'],
  },
  // Makes the root folder of that Debian.
  { name: 'mmdebstrap', package: 'mmdebstrap', at: ['usr/bin/mmdebstrap'], proof: ['--version'] },
  // Its promtool looks over the rules for alarms in docs/operate.
  { name: 'promtool', package: 'prometheus', at: ['usr/bin/promtool'], proof: ['--version'] },
];

/** Where daemons stand that an ordinary user's PATH does not name. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Seconds without a byte from a mirror before apt gives up (apt's own default is 120 or more). */
const APT_TIMEOUT_S = 20;
const APT = [
  `-oAcquire::http::Timeout=${APT_TIMEOUT_S}`,
  `-oAcquire::https::Timeout=${APT_TIMEOUT_S}`,
  '-oAcquire::Retries=1',
  '-oAPT::Sandbox::User=root',
  '-oDebug::NoLocking=1',
  '-q',
];

function run(program, args, cwd) {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  const done = spawnSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.split('\n');
  const complaint = lines.find((line) => line.startsWith('E: ')) ?? lines.find((line) => line !== '');
  return { ok: done.status === 0, lines, complaint: (complaint ?? 'no reason given').trim() };
}

function isProgram(path) {
  try {
    fs.accessSync(path, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findInstalled(name) {
  const folders = [
    ...(process.env.PATH ?? '').split(':').filter((folder) => folder !== ''),
    ...SYSTEM_FOLDERS,
  ];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** One cache per release and architecture: the libraries inside fit no other. */
function cacheFolder() {
  const text = fs.existsSync('/etc/os-release') ? fs.readFileSync('/etc/os-release', 'utf8') : '';
  const field = (key) => text.match(new RegExp(`^${key}="?([^"\n]*)"?$`, 'm'))?.[1] ?? '';
  const base =
    process.getuid?.() === 0 ? '/var/cache' : (process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
  const debian = ['debian', 'ubuntu'].some((id) =>
    `${field('ID')} ${field('ID_LIKE')}`.split(' ').includes(id),
  );
  const release = `${field('ID') || 'linux'}-${field('VERSION_ID') || 'rolling'}-${process.arch}`;
  return { debian, folder: join(base, 'belfry-peers', release) };
}

/** The folders of an unpacked package that hold shared libraries. */
function libraryFolders(folder) {
  const found = [];
  for (const base of ['usr/lib', 'lib'].map((below) => join(folder, below)).filter(fs.existsSync)) {
    const inside = fs.readdirSync(base).map((entry) => join(base, entry));
    // libsystemd-shared has a folder of its own, which only an installed systemd-nspawn knows.
    const folders = [...inside, ...inside.map((path) => join(path, 'systemd'))].filter(fs.existsSync);
    found.push(...folders.filter((path) => fs.statSync(path).isDirectory() && holdsLibraries(path)));
  }
  return found;
}

function holdsLibraries(folder) {
  return fs.readdirSync(folder).some((entry) => /^lib.*\.so/.test(entry));
}

/** ntpdig's Python looks for its library beside itself, and else in the system's folders. */
function linkNtpc(folder) {
  const link = join(folder, 'usr/lib/python3/dist-packages/ntp/libntpc.so');
  const base = join(folder, 'usr/lib');
  const found = fs.readdirSync(base).find((entry) => fs.existsSync(join(base, entry, 'ntp/libntpc.so')));
  if (found === undefined || fs.existsSync(link)) return;
  fs.rmSync(link, { force: true });
  fs.symlinkSync(join(base, found, 'ntp/libntpc.so'), link);
}

function findUnpacked(peer, cache) {
  const folder = join(cache, peer.package);
  const path = peer.at.map((at) => join(folder, at)).find(isProgram);
  if (path === undefined) return undefined;
  const libraries = libraryFolders(folder);
  if (peer.name === 'ntpdig') linkNtpc(folder);
  // syslog-ng and loggen look for their modules below this prefix; rsyslogd is told by an argument. ntpdig is
  // a Python program with modules of its own.
  const env = {
    LD_LIBRARY_PATH: libraries.join(':'),
    SYSLOGNG_PREFIX: join(folder, 'usr'),
    PYTHONPATH: join(folder, 'usr/lib/python3/dist-packages'),
  };
  const modules = libraries.map((library) => join(library, 'rsyslog')).find(fs.existsSync);
  return {
    path,
    env,
    args: peer.name.startsWith('rsyslogd') && modules !== undefined ? ['-M', modules] : [],
  };
}

/** The package and those of its dependencies that are not on this machine. */
function packagesToFetch(name) {
  const plan = run('apt-get', [...APT, '-s', 'install', '--no-install-recommends', name]);
  if (!plan.ok) return { complaint: plan.complaint };
  // "Inst NAME (VERSION …)" is new; "Inst NAME [OLD] (NEW …)" would replace what is there, and is not needed.
  const names = plan.lines
    .map((line) => line.match(/^Inst (\S+) \(/)?.[1])
    .filter((word) => word !== undefined);
  const beside = PEERS.filter((peer) => peer.package === name).flatMap((peer) => peer.with ?? []);
  return { names: [...new Set([name, ...beside, ...names])] };
}

function fetchPackage(name, cache) {
  const wanted = packagesToFetch(name);
  if (wanted.names === undefined) return wanted.complaint;
  fs.mkdirSync(cache, { recursive: true });
  const work = fs.mkdtempSync(join(cache, `.${name}-`));
  try {
    const fetched = run('apt-get', [...APT, 'download', ...wanted.names], work);
    if (!fetched.ok) return fetched.complaint;
    const whole = join(work, 'whole');
    for (const file of fs.readdirSync(work).filter((entry) => entry.endsWith('.deb'))) {
      const unpacked = run('dpkg', ['-x', join(work, file), whole]);
      if (!unpacked.ok) return unpacked.complaint;
    }
    fs.rmSync(join(cache, name), { recursive: true, force: true });
    fs.renameSync(whole, join(cache, name));
    return undefined;
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Fetches each package once; the package lists are refreshed once, if the first try says they are stale. */
function fetchAll(packages, cache, say) {
  const complaints = new Map();
  const isRoot = process.getuid?.() === 0;
  let refreshed = false;
  for (const name of packages) {
    say(`fetching ${name} for the system tests`);
    let complaint = fetchPackage(name, cache);
    if (complaint !== undefined && isRoot && !refreshed) {
      refreshed = true;
      say('refreshing the package lists (apt-get update)');
      run('apt-get', [...APT, 'update']);
      complaint = fetchPackage(name, cache);
    }
    if (complaint !== undefined)
      complaints.set(name, isRoot ? complaint : `${complaint} (only root may refresh apt's lists)`);
  }
  return complaints;
}

function proves(peer, found) {
  const env = { ...process.env, ...found.env };
  const done = spawnSync(found.path, peer.proof, { env, encoding: 'utf8', timeout: 10_000 });
  const said = `${done.stdout}${done.stderr}`.trim();
  if (done.error !== undefined) return `it does not start: ${done.error.message}`;
  if (/error while loading shared libraries/.test(said)) return `it does not start: ${said}`;
  return peer.says === undefined || peer.says.test(said) ? undefined : `${found.path} is another program`;
}

function locate(peer, cache, complaints) {
  const installed = findInstalled(peer.installedAs ?? peer.name);
  if (installed !== undefined) {
    const found = { path: installed, env: {}, args: [] };
    const other = peer.says === undefined ? undefined : proves(peer, found);
    return other === undefined ? found : { missing: other };
  }
  const unpacked = findUnpacked(peer, cache.folder);
  if (unpacked !== undefined) {
    const broken = proves(peer, unpacked);
    return broken === undefined ? unpacked : { missing: broken };
  }
  if (!cache.debian)
    return { missing: `not installed, and this is not Debian or Ubuntu (package ${peer.package})` };
  return {
    missing: `not installed, and apt could not fetch ${peer.package}: ${complaints.get(peer.package) ?? 'no apt'}`,
  };
}

export function findOrFetchPeers(root, say) {
  const cache = cacheFolder();
  const absent = PEERS.filter(
    (peer) => !findInstalled(peer.installedAs ?? peer.name) && !findUnpacked(peer, cache.folder),
  );
  const packages = [...new Set(absent.map((peer) => peer.package))];
  const canFetch =
    cache.debian && findInstalled('apt-get') !== undefined && findInstalled('dpkg') !== undefined;
  let complaints = new Map();
  try {
    if (canFetch) complaints = fetchAll(packages, cache.folder, say);
  } catch (error) {
    for (const name of packages) complaints.set(name, error.message);
  }
  const peers = Object.fromEntries(PEERS.map((peer) => [peer.name, locate(peer, cache, complaints)]));
  peers['debian-root'] = findOrBuildRoot(cache, peers.mmdebstrap, say);
  for (const [name, found] of Object.entries(peers)) {
    if (found.missing !== undefined) say(`tests with ${name} will skip: ${found.missing}`);
  }
  fs.mkdirSync(join(root, 'dist'), { recursive: true });
  fs.writeFileSync(join(root, 'dist/peers.json'), `${JSON.stringify(peers, undefined, 2)}\n`);
}

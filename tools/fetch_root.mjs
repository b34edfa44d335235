// The root folder of the throw-away Debian that the booted tests start under systemd-nspawn: made once with
// mmdebstrap from Debian's archive (half a minute, 220 MB), kept beside the peers, never written to again, since
// each boot puts an overlay over it. Another list of packages is another folder; the old one is removed.
//
// Refuses: to install a package on this machine, to leave half a root behind, to fail.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';

const SUITE = 'bookworm';
/** No Node: Belfry's package brings its own. chrony is what synchronises to the server, libstdc++6 what Node needs. */
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'libnss-systemd',
  'iproute2',
  'procps',
  'bsdutils',
  'logrotate',
  'chrony',
  'libstdc++6',
];
/** The archive of a machine that is no Debian, and so names none. */
const ARCHIVE = 'http://deb.debian.org/debian';
/** A mirror that stands still must not hold up `npm test` for ever. */
const BUILD_MS_MAX = 300_000;

/** The mirror that this machine's apt uses, so that a site's own is used where there is one. */
function archive() {
  const said = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' });
  const mirrors = (said.stdout ?? '').split('\n').filter((line) => /\/debian\/?$/.test(line));
  return mirrors[0] ?? ARCHIVE;
}

/** What a fresh machine must have of its own, and what would be in the way of a boot without a screen. */
function finish(root) {
  for (const path of ['var/lib/dbus/machine-id', 'etc/resolv.conf'])
    fs.rmSync(join(root, path), { force: true });
  fs.writeFileSync(join(root, 'etc/machine-id'), '');
  fs.mkdirSync(join(root, 'var/log/journal'), { recursive: true });
  for (const unit of ['console-getty.service', 'apt-daily.timer', 'apt-daily-upgrade.timer']) {
    const link = join(root, 'etc/systemd/system', unit);
    fs.rmSync(link, { force: true });
    fs.symlinkSync('/dev/null', link);
  }
}

function build(root, mmdebstrap) {
  const part = `${root}.${process.pid}`;
  const words = ['--mode=root', '--variant=apt', '--skip=check/qemu', `--include=${PACKAGES.join(',')}`];
  // mmdebstrap looks for its tar filter in PATH, and is a Perl script that stands anywhere.
  const path = `${dirname(mmdebstrap.path)}:${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const done = spawnSync('perl', [mmdebstrap.path, ...words, SUITE, part, archive()], {
    env: { ...process.env, PATH: path, LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: BUILD_MS_MAX,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (done.status !== 0) {
    fs.rmSync(part, { recursive: true, force: true });
    const lines = (done.stderr ?? '').split('\n').filter((line) => line.startsWith('E: '));
    return `mmdebstrap: ${lines[0] ?? done.error?.message ?? 'it was ended'}`;
  }
  finish(part);
  fs.renameSync(part, root);
  return undefined;
}

function removeOthers(folder, keep) {
  if (!fs.existsSync(folder)) return;
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith('root-') && name !== keep)
      fs.rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** In the manner of the peers: where it stands, or why it is missing. */
export function findOrBuildRoot(cache, mmdebstrap, say) {
  if (process.getuid?.() !== 0) return { missing: 'only root may make and boot a Debian' };
  const name = `root-${SUITE}-${createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 8)}`;
  const root = join(cache.folder, name);
  const found = { path: root, args: [], env: {} };
  if (fs.existsSync(root)) return found;
  if (mmdebstrap?.path === undefined) return { missing: `no mmdebstrap: ${mmdebstrap?.missing}` };
  say('making the Debian that the booted tests start (half a minute, once)');
  removeOthers(cache.folder, name);
  fs.mkdirSync(cache.folder, { recursive: true });
  const complaint = build(root, mmdebstrap);
  if (complaint === undefined) return found;
  say(`booted tests will skip: ${complaint}`);
  return { missing: complaint };
}

// The steps that make a server or an agent of this host, and those that undo it. Values in, steps out: what stands
// on the disk is looked at, and nothing is changed.
//
// Promises: a configuration that is there stays as it is; a removal without `purge` keeps configurations, logs and
// queues.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../base/fault.ts';
import { suggestion } from '../../base/nearest.ts';
import { loadAgentConfig } from '../../config/agent-load.ts';
import { loadServerConfig } from '../../config/load.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { checkFilter } from '../../traffic/filter/parse.ts';
import { AGENT_CONFIG, SERVER_CONFIG } from '../command.ts';
import { firstAgentConfig, firstServerConfig, targetOf } from './first-config.ts';
import type { Step } from './steps.ts';
import {
  dropInNames,
  dropInPath,
  dropInText,
  isPackaged,
  type Role,
  SERVICE,
  SOCKETS,
  sharedFiles,
  unitFiles,
  unitsOf,
} from './units.ts';

export const GROUP = 'belfry';

export interface Wish {
  readonly role: Role;
  /** '' for this host. */
  readonly root: string;
  /** Where the unit files go: /usr/local. */
  readonly prefix: string;
  readonly to: string | undefined;
  /** Drop-ins that are switched on. */
  readonly dropIns: readonly string[];
  readonly program: readonly string[];
  /** systemd runs here, so that services can be started. */
  readonly isLive: boolean;
}

export interface InstallPlan {
  readonly steps: readonly Step[];
  /** Faults of a configuration that is there already: then nothing is started. */
  readonly faults: readonly Fault[];
}

const CONFIG: Readonly<Record<Role, string>> = { server: SERVER_CONFIG, agent: AGENT_CONFIG };

export function planInstall(wish: Wish): InstallPlan {
  const { config, faults, sockets } = configOf(wish);
  const units = [...sockets, SERVICE[wish.role]];
  const steps = [
    ...fileSteps(wish),
    ...dropInSteps(wish),
    ...systemSteps(wish),
    config,
    ...(wish.isLive ? [reloadStep()] : []),
    enableStep(wish, units),
    ...(wish.isLive && faults.length === 0 ? startSteps(wish.role, units) : []),
  ];
  return { steps, faults };
}

function fileSteps({ role, root, prefix, program }: Wish): Step[] {
  if (isPackaged(role, root)) return [];
  const why = (path: string) =>
    path.includes('sysusers')
      ? 'the users that it runs as'
      : path.includes('tmpfiles')
        ? 'the directory of the control sockets'
        : path.endsWith('.socket')
          ? 'a socket that systemd opens for it'
          : `the ${role} as a service`;
  return [...unitFiles(role, program), ...sharedFiles()].map(({ path, text }) => ({
    kind: 'write',
    path: join(prefix, path),
    text,
    why: why(path),
  }));
}

function dropInSteps({ role, dropIns }: Wish): Step[] {
  const known = dropInNames(role);
  const unknown = dropIns.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Fault('CLI_USAGE', {
      what: `There is no drop-in "${unknown}" for the ${role}.`,
      where: `--with ${dropIns.join(',')}`,
      mend: `${suggestion(unknown, known)}There are: ${known.join(', ')}.`,
    });
  return dropIns.map((name) => ({
    kind: 'write',
    path: dropInPath(role, name),
    text: dropInText(role, name),
    why: 'the rights that a feature needs',
  }));
}

/** A folder that only stands for a host is served as well: these tools know --root. */
function rooted(root: string): string[] {
  return root === '' ? [] : [`--root=${root}`];
}

function systemSteps({ role, root, prefix }: Wish): Step[] {
  if (isPackaged(role, root)) return [];
  // A file that is named whole is read as it stands, whatever --root says.
  const conf = (folder: string) => join(root, prefix, 'lib', folder, 'belfry.conf');
  return [
    {
      kind: 'run',
      argv: ['systemd-sysusers', ...rooted(root), conf('sysusers.d')],
      why: 'makes the users, where they are not there yet',
    },
    {
      kind: 'run',
      argv: ['systemd-tmpfiles', ...rooted(root), '--create', conf('tmpfiles.d')],
      why: 'makes the directories',
    },
  ];
}

interface ConfigPlan extends InstallPlan {
  readonly config: Step;
  readonly sockets: readonly string[];
}

function configOf(wish: Wish): Omit<ConfigPlan, 'steps'> {
  return wish.role === 'server' ? serverConfig(wish) : agentConfig(wish);
}

function keep(path: string, text: string, why: string): Step {
  return { kind: 'keep', path, text, group: GROUP, why };
}

const ALREADY = 'there already, and not touched';

function serverConfig({ root }: Wish): Omit<ConfigPlan, 'steps'> {
  const path = join(root, SERVER_CONFIG);
  const always = [SOCKETS.syslog, SOCKETS.relp];
  if (!existsSync(path)) {
    const withTime = root !== '' || !isTimeServed();
    const why = withTime
      ? 'a first configuration: everything into /var/log/belfry, and time for everybody'
      : 'a first configuration: everything into /var/log/belfry (another program serves time on port 123)';
    const step = keep(SERVER_CONFIG, firstServerConfig(withTime), why);
    return { config: step, faults: [], sockets: withTime ? [...always, SOCKETS.ntp] : always };
  }
  const { config, faults } = loadServerConfig(path, { checkSelector: compileSelector, checkFiles: false });
  const sockets = [
    ...always,
    ...(config?.syslog.tls === undefined ? [] : [SOCKETS.tls]),
    ...(config?.ntp === undefined ? [] : [SOCKETS.ntp]),
  ];
  return { config: keep(SERVER_CONFIG, '', ALREADY), faults, sockets };
}

function agentConfig({ root, to }: Wish): Omit<ConfigPlan, 'steps'> {
  const path = join(root, AGENT_CONFIG);
  if (existsSync(path)) {
    const { faults } = loadAgentConfig(path, {
      checkFilter,
      checkSelector: compileSelector,
      checkFiles: false,
    });
    const why = to === undefined ? ALREADY : `${ALREADY}: --to ${to} has no effect`;
    return { config: keep(AGENT_CONFIG, '', why), faults, sockets: [] };
  }
  if (to === undefined)
    throw new Fault('CLI_USAGE', {
      what: 'Where this host’s logs are to go is not known: there is no configuration yet.',
      where: path,
      mend: 'Name the server: belfry install agent --to HOST. Or write the configuration first.',
    });
  const target = targetOf(to);
  const why = `a first configuration: the journal to ${target}`;
  return { config: keep(AGENT_CONFIG, firstAgentConfig(target), why), faults: [], sockets: [] };
}

/** Whether some program on this host has UDP port 123 (0x7B) open: /proc/net/udp has local addresses in hex. */
function isTimeServed(): boolean {
  return ['/proc/net/udp', '/proc/net/udp6'].some((path) => {
    return existsSync(path) && /^\s*\d+: [0-9A-F]+:007B /m.test(readFileSync(path, 'utf8'));
  });
}

function reloadStep(): Step {
  return {
    kind: 'run',
    argv: ['systemctl', 'daemon-reload'],
    why: 'tells systemd of the files',
    ifChanged: true,
  };
}

function enableStep({ root }: Wish, units: readonly string[]): Step {
  return {
    kind: 'run',
    argv: ['systemctl', ...rooted(root), 'enable', ...units],
    why: 'starts it whenever the host starts',
  };
}

function startSteps(role: Role, units: readonly string[]): Step[] {
  const service = SERVICE[role];
  const ports = role === 'agent' ? '' : ' A port that is taken shows with: ss -lptun. ';
  const mend = `See why:${ports}journalctl -u ${service} -n 50`;
  return [
    // One transaction: a socket can be opened anew only while its service is down.
    {
      kind: 'run',
      argv: ['systemctl', 'restart', ...units],
      why: 'starts it as it is now',
      ifChanged: true,
      mend,
    },
    { kind: 'run', argv: ['systemctl', 'start', ...units], why: 'starts it, unless it runs', mend },
  ];
}

export interface Removal {
  readonly roles: readonly Role[];
  readonly root: string;
  readonly prefix: string;
  readonly purge: boolean;
  readonly isLive: boolean;
}

export function planRemoval(removal: Removal): Step[] {
  const { roles, root, prefix, isLive } = removal;
  const own = roles.filter((role) => !isPackaged(role, root));
  const isThere = (path: string) => existsSync(join(root, path));
  const unitPath = (unit: string) => join(prefix, 'lib/systemd/system', unit);
  const units = own.flatMap(unitsOf).filter((unit) => isThere(unitPath(unit)));
  const others = (['server', 'agent'] as const).filter((role) => !roles.includes(role));
  const isLast = !others.some((role) => isThere(unitPath(SERVICE[role])) || isPackaged(role, root));
  const dropIns = roles.flatMap((role) => dropInNames(role).map((name) => dropInPath(role, name)));
  const shared = isLast ? sharedFiles().map(({ path }) => join(prefix, path)) : [];
  return [
    ...(units.length === 0 ? [] : [disableStep(units, root, isLive)]),
    ...units.map((unit): Step => ({ kind: 'remove', path: unitPath(unit), why: 'the unit' })),
    ...dropIns.map((path): Step => ({ kind: 'remove', path, why: 'a drop-in of ours' })),
    ...shared.map((path): Step => ({ kind: 'remove', path, why: 'what both programs needed' })),
    ...(isLive ? [reloadStep()] : []),
    ...(removal.purge ? purgeSteps(removal, isLast) : []),
  ];
}

function disableStep(units: readonly string[], root: string, isLive: boolean): Step {
  const now = isLive ? ['--now'] : [];
  const why = isLive ? 'stops it; what was received is written first' : 'it is not started any more';
  return { kind: 'run', argv: ['systemctl', ...rooted(root), 'disable', ...now, ...units], why };
}

/** Where Belfry keeps what is worth keeping, by default; other places are in the hands of who named them. */
function purgeSteps({ roles, root }: Removal, isLast: boolean): Step[] {
  const paths = [
    ...roles.map((role) => [CONFIG[role], 'the configuration'] as const),
    ...(roles.includes('server') ? [['/var/log/belfry', 'the logs of all hosts'] as const] : []),
    ...(roles.includes('agent')
      ? [
          ['/var/lib/belfry', 'the queues, with what was not delivered'] as const,
          ['/var/log/belfry-agent', 'the traffic log'] as const,
        ]
      : []),
    ...(isLast
      ? [['/etc/belfry', 'configurations and keys'] as const, ['/run/belfry', 'sockets'] as const]
      : []),
  ];
  const users = root === '' && isLast ? ['belfry-agent', 'belfry'] : [];
  return [
    ...paths.map(([path, why]): Step => ({ kind: 'remove', path, why })),
    ...users.map((user): Step => ({ kind: 'run', argv: ['userdel', user], why: 'its user', mayFail: true })),
    ...(users.length > 0
      ? [{ kind: 'run', argv: ['groupdel', GROUP], why: 'its group', mayFail: true } as const]
      : []),
  ];
}

// What a configuration asks for, in a few lines, as `belfry check` shows it: for the server and for the agent.

import { printRange } from '../base/ip.ts';
import { printSize } from '../base/units.ts';
import { watchedWords } from '../client/monitor/settings.ts';
import type { AgentConfig, DestinationConfig, InputConfig, TrafficConfig } from '../config/agent.ts';
import { TRAFFIC_EVENTS } from '../config/traffic.schema.ts';
import type { NtpConfig, Rule, ServerConfig, SocketAddress } from '../config/server.ts';

/** Rules that are shown; of more, the number. */
const RULES_SHOWN_MAX = 40;

/** Where time is served, to whom, and as what. */
function timeLine(ntp: NtpConfig): string {
  const where = ntp.listen.map(printSocketAddress).join(', ');
  const who = ['this host', ...ntp.allow.map(printRange)].join(', ');
  const how =
    ntp.local === undefined ? 'as not synchronised (no "local")' : `at stratum ${ntp.local.stratum}`;
  return `${where}, ${how}, to ${who}`;
}

export function summarizeServer(config: ServerConfig, sources: readonly string[]): string {
  const { syslog, files, control, http, ntp, rules } = config;
  const lines = [
    `${config.path} is good.`,
    ...sources.slice(1).map((file) => `  includes  ${file}`),
    `  receives  ${syslog.listen.map((listen) => listen.text).join(', ')}`,
    `  from      ${senders(config)}`,
    `  files in  ${files.root}`,
    ...(ntp === undefined ? [] : [`  time      ${timeLine(ntp)}`]),
    `  control   ${control.socket}`,
    ...(http === undefined ? [] : [`  http      ${printSocketAddress(http.listen)}`]),
    '',
    rules.length === 1 ? '1 rule:' : `${rules.length} rules, in this order:`,
    ...rules.slice(0, RULES_SHOWN_MAX).map((rule, at) => ruleLine(rule, at + 1, files.root)),
  ];
  if (rules.length > RULES_SHOWN_MAX) lines.push(`  … and ${rules.length - RULES_SHOWN_MAX} more`);
  return `${lines.join('\n')}\n`;
}

function senders(config: ServerConfig): string {
  const ranges = config.syslog.allow.map(printRange);
  // An IPv4 address is also an IPv6 one, so ::/0 holds both.
  return ranges.includes('::/0') ? 'any address' : ranges.join(', ');
}

function printSocketAddress({ host, family, port }: SocketAddress): string {
  return family === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function ruleLine(rule: Rule, number: number, filesRoot: string): string {
  const keys = rule.match === undefined ? 'every message' : Object.keys(rule.match).join(' and ');
  const end = rule.stop && !rule.discard && rule.file !== undefined ? ', stop' : '';
  return `  ${String(number).padStart(2)}. ${rule.name} (${keys}) → ${action(rule, filesRoot)}${end}`;
}

function action(rule: Rule, filesRoot: string): string {
  if (rule.discard) return 'discarded';
  if (rule.file === undefined) return 'stop';
  const { template } = rule.file;
  return template.startsWith(`${filesRoot}/`) ? template.slice(filesRoot.length + 1) : template;
}

export function summarizeAgent(config: AgentConfig): string {
  const { inputs, destinations, control } = config;
  const lines = [
    `${config.path} is good.`,
    ...inputs.map((input) => `  reads     ${input.name}: ${inputLine(input)}`),
    ...(config.traffic === undefined ? [] : trafficSummary(config.traffic)),
    ...destinations.flatMap(destinationLines),
    `  control   ${control.socket}`,
  ];
  return `${lines.join('\n')}\n`;
}

function trafficSummary(traffic: TrafficConfig): string[] {
  const { events, log, rateLimit } = traffic;
  const all = events.length === TRAFFIC_EVENTS.length ? 'every event' : events.join(', ') || 'no event';
  const pace =
    rateLimit === undefined
      ? 'without a limit'
      : `at most ${rateLimit.perSecond}/s, ${rateLimit.burst} at once`;
  return [
    `  watches   ${watchedWords(traffic)}`,
    `    tells   ${all}, ${pace}`,
    ...(log === undefined ? [] : [`    log     ${log.path}`]),
  ];
}

function inputLine(input: InputConfig): string {
  switch (input.type) {
    case 'journald':
      return [`the journal`, input.directory ?? 'of this host', ...input.matches].join(' ');
    case 'file':
      return input.paths.join(', ');
    case 'devlog':
      return `the socket ${input.path}`;
    case 'listen':
      return `${input.listen.map(({ text }) => text).join(', ')} from ${input.allow.map(printRange).join(', ')}`;
    case 'stdin':
      return 'standard input';
    default:
      return input satisfies never;
  }
}

const ON_FULL = {
  block: 'then the inputs wait',
  dropOldest: 'then the oldest are dropped',
  dropNewest: 'then the newest are dropped',
} as const;

function destinationLines({ name, to, select, program, queue }: DestinationConfig): string[] {
  const what = [...(select ?? []), ...(program ?? []).map((one) => `program ${one}`)];
  const wanted = what.length === 0 ? 'every message' : what.join(', ');
  const targets = to.map(({ text }) => text).join(', else ');
  const size = `up to ${printSize(queue.maxDiskSpaceBytes)} in ${queue.directory}, ${ON_FULL[queue.onFull]}`;
  return [`  sends     ${name}: ${wanted} → ${targets}`, `    queue   ${size}`];
}

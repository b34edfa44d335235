// `belfry check -c FILE`: reads a configuration as the server would, and says all that is wrong with it, or in a
// few lines what it asks for. Changes nothing and opens no port. Exits 0, or 78 if it cannot be used.

import { relative } from 'node:path';
import { EXIT, type Fault, printFault } from '../../base/fault.ts';
import { printRange } from '../../base/ip.ts';
import { loadServerConfig } from '../../config/load.ts';
import type { Rule, ServerConfig } from '../../config/server.ts';
import { compileSelector } from '../../syslog/selector.ts';

export interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
}

export interface CheckIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export async function runCheck(options: CheckOptions, io: CheckIo): Promise<number> {
  const { config, faults, notes, sources } = loadServerConfig(options.config, {
    checkSelector: compileSelector,
  });
  if (options.json)
    io.stdout(`${JSON.stringify(jsonReport(config !== undefined, faults, notes, sources), undefined, 2)}\n`);
  else if (config !== undefined) io.stdout(summary(config, sources) + remarks(notes));
  else io.stderr(complaint(faults));
  return config === undefined ? EXIT.config : EXIT.ok;
}

function complaint(faults: readonly Fault[]): string {
  const count = faults.length === 1 ? 'One fault' : `${faults.length} faults`;
  return `${faults.map(printFault).join('\n\n')}\n\n${count}: this configuration cannot be used.\n`;
}

function remarks(notes: readonly Fault[]): string {
  return notes.length === 0 ? '' : `\nWorth a look:\n\n${notes.map(printFault).join('\n\n')}\n`;
}

function jsonReport(
  ok: boolean,
  faults: readonly Fault[],
  notes: readonly Fault[],
  sources: readonly string[],
) {
  return { ok, sources, faults: faults.map(jsonFault), notes: notes.map(jsonFault) };
}

function jsonFault({ code, text }: Fault) {
  const { what, where = null, mend = null, place = null } = text;
  return { code, what, where, mend, place };
}

/** Rules that are shown; of more, the number. */
const RULES_SHOWN_MAX = 40;

function summary(config: ServerConfig, sources: readonly string[]): string {
  const [main, ...included] = sources;
  const allow = config.syslog.allow.map(printRange);
  const anyone = allow.includes('0.0.0.0/0') || allow.includes('::/0');
  const lines = [
    `${main} is good.`,
    ...included.map((file) => `  includes  ${file}`),
    `  receives  ${config.syslog.listen.map((listen) => listen.text).join(', ')}`,
    `  from      ${anyone && allow.length <= 2 ? 'any address' : allow.join(', ')}`,
    `  files in  ${config.files.root}`,
    `  control   ${config.control.socket}`,
    ...(config.http === undefined
      ? []
      : [
          `  http      ${config.http.listen.family === 6 ? `[${config.http.listen.host}]` : config.http.listen.host}:${config.http.listen.port}`,
        ]),
    '',
    `${config.rules.length} ${config.rules.length === 1 ? 'rule' : 'rules, in this order'}:`,
    ...config.rules.slice(0, RULES_SHOWN_MAX).map((rule, at) => ruleLine(rule, at + 1, config.files.root)),
    ...(config.rules.length > RULES_SHOWN_MAX
      ? [`  … and ${config.rules.length - RULES_SHOWN_MAX} more`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

function ruleLine(rule: Rule, number: number, filesRoot: string): string {
  const keys = rule.match === undefined ? 'every message' : Object.keys(rule.match).join(' and ');
  const actions = [
    rule.discard ? 'discarded' : '',
    rule.file === undefined ? '' : shortPath(rule.file.template, filesRoot),
  ];
  const end = rule.stop && !rule.discard ? ', stop' : '';
  return `  ${String(number).padStart(2)}. ${rule.name} (${keys}) → ${actions.join('') || 'nowhere'}${end}`;
}

function shortPath(template: string, filesRoot: string): string {
  return template.startsWith(`${filesRoot}/`) ? relative(filesRoot, template) : template;
}

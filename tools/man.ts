// The manual pages: belfry.1 and one for each command, made from the same table that gives `--help`, so that
// neither can know more than the other. Values in, roff (man(7)) out; `npm run docs` writes the files.

import { Readable } from 'node:stream';
import { type Argument, Command, type Help, type Option } from 'commander';
import { EXIT } from '../base/fault.ts';
import { COMMANDS } from '../cli/commands/all.ts';
import type { Io } from '../cli/io.ts';

/** Pages are the same wherever they are made: no terminal, no environment. */
const NOWHERE: Io = {
  stdout: () => undefined,
  stdoutBytes: () => Promise.resolve(true),
  stderr: () => undefined,
  stdin: Readable.from([]),
  stdinIsTerminal: false,
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
  columns: 100,
  env: {},
  pid: 1,
  version: '',
};

const EXIT_MEANS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'Done.',
  nothing: 'Found nothing, or did not reach what was asked.',
  usage: 'The command line is not one that Belfry understands.',
  software: 'A bug of Belfry.',
  permission: 'A right is missing.',
  config: 'The configuration cannot be used.',
};

const FILES: readonly (readonly [path: string, means: string])[] = [
  ['/etc/belfry/server.json', 'The configuration of the server.'],
  ['/etc/belfry/agent.json', 'The configuration of the agent.'],
  ['/run/belfry/server.sock', 'Where a running server answers questions; whoever may open it may ask.'],
  ['/run/belfry/agent.sock', 'The same, of an agent.'],
  ['/var/log/belfry', 'What the server writes, where files.root says nothing else.'],
  ['/var/lib/belfry/queue', 'What the agent has not delivered yet.'],
];

// ---- roff

/** Text in the body of a page: nothing in it is a request, a quote that turns, or a character of one encoding. */
function escape(text: string): string {
  return text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/'/g, '\\(aq')
    .replace(/`/g, '\\(ga')
    .replace(/\^/g, '\\(ha')
    .replace(/~/g, '\\(ti')
    .replace(
      /[\u0080-\u{10ffff}]/gu,
      (char) => `\\[u${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .replace(/^([.])/gm, '\\&$1');
}

function section(name: string, ...lines: readonly string[]): string {
  return [`.SH ${name}`, ...lines].join('\n');
}

/** A term and, indented, what it means. */
function item(term: string, means: string): string {
  return `.TP\n\\fB${escape(term)}\\fR\n${escape(means)}`;
}

/** As it stands, for copying. */
function verbatim(text: string): string {
  return `.nf\n.RS 4\n${escape(text)}\n.RE\n.fi`;
}

function page(name: string, about: string, sections: readonly string[]): string {
  const title = `.TH "${name.toUpperCase()}" "1" "" "Belfry" "Belfry manual"`;
  const remark = '.\\" Made by `npm run docs`: change the declarations in cli/, not this file.';
  // Ragged and without hyphens at the ends of lines: what is copied is whole.
  const parts = [
    remark,
    title,
    '.nh',
    '.ad l',
    section('NAME', `${escape(name)} \\- ${escape(about)}`),
    ...sections,
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

// ---- what commander knows

/** What stands below the options in a command's help: the examples. */
function textAfterHelp(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text
    .slice(command.helpInformation().length)
    .trim()
    .replace(/^Examples:\n/, '')
    .replace(/^ {2}/gm, '');
}

function optionItems(command: Command, help: Help): string[] {
  return help
    .visibleOptions(command)
    .map((option: Option) => item(help.optionTerm(option), help.optionDescription(option)));
}

function argumentItems(command: Command, help: Help): string[] {
  return help
    .visibleArguments(command)
    .map((argument: Argument) => item(help.argumentTerm(argument), help.argumentDescription(argument)));
}

function ifAny(name: string, items: readonly string[]): string {
  return items.length === 0 ? '' : section(name, ...items);
}

function exitSection(): string {
  const codes = Object.entries(EXIT) as [keyof typeof EXIT, number][];
  return section('EXIT STATUS', ...codes.map(([name, code]) => item(String(code), EXIT_MEANS[name])));
}

function seeAlso(names: readonly string[]): string {
  return section('SEE ALSO', names.map((name) => `.BR ${escape(name)} (1)`).join(',\n'));
}

function commandPage(command: Command, all: readonly string[]): string {
  const help = command.createHelp();
  const name = `belfry-${command.name()}`;
  const examples = textAfterHelp(command);
  return page(name, help.subcommandDescription(command), [
    section('SYNOPSIS', `\\fB${escape(help.commandUsage(command).trim())}\\fR`),
    section('DESCRIPTION', escape(help.commandDescription(command))),
    ifAny('ARGUMENTS', argumentItems(command, help)),
    ifAny('OPTIONS', optionItems(command, help)),
    examples === '' ? '' : section('EXAMPLES', verbatim(examples)),
    exitSection(),
    seeAlso(['belfry', ...all.filter((other) => other !== name)]),
  ]);
}

function mainPage(commands: readonly Command[], names: readonly string[]): string {
  const help = new Command().createHelp();
  const items = commands.map((one) => item(`belfry ${one.name()}`, `${help.subcommandDescription(one)}.`));
  return page('belfry', "a site's logs, time and traffic on one timeline", [
    section('SYNOPSIS', '\\fBbelfry\\fR \\fICOMMAND\\fR [options]'),
    section(
      'DESCRIPTION',
      escape(
        "Belfry is the one small tower of a site: a server that takes every host's logs over syslog and gives every host the time over NTP, and an agent on each host that forwards its logs through a queue on disk. Whatever is refused, dropped or not understood is counted by its reason.",
      ),
      '.PP',
      escape('Each command has a page of its own, and takes --help.'),
    ),
    section('COMMANDS', ...items),
    section('OPTIONS', item('-h, --help', 'Print the help.'), item('-V, --version', 'Print the version.')),
    section('FILES', ...FILES.map(([path, means]) => item(path, means))),
    section(
      'SIGNALS',
      item(
        'SIGTERM, SIGINT',
        'What was received is written, what is queued is made safe, and the program ends.',
      ),
      item(
        'SIGHUP',
        'The configuration is read again, and all log files are opened anew. One with faults changes nothing.',
      ),
    ),
    exitSection(),
    seeAlso(names),
  ]);
}

/** Every page, by its path. */
export async function renderManPages(): Promise<ReadonlyMap<string, string>> {
  const program = new Command('belfry');
  for (const load of Object.values(COMMANDS)) (await load()).define(program, NOWHERE, async () => undefined);
  const { commands } = program;
  const names = commands.map((command) => `belfry-${command.name()}`);
  const pages = commands.map(
    (command) => [`man/belfry-${command.name()}.1`, commandPage(command, names)] as const,
  );
  return new Map([['man/belfry.1', mainPage(commands, names)], ...pages]);
}

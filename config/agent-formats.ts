// Values of agent.json that are written as text and mean something: patterns of files, names that end in messages
// or in paths, matches of journalctl. A check says what is wrong and how it should look; it never repairs.

import { checkListen, parseListen } from './address-formats.ts';
import { type FormatProblem, NO_PROBLEM, problem } from './problem.ts';

/** APP-NAME: 1 to 48 printable ASCII characters without a blank (RFC 5424 section 6). */
const APP_NAME = /^[!-~]{1,48}$/;

/** HOSTNAME has up to 255 (RFC 5424 section 6); of the printable ones, those that names and addresses are made of. */
const HOST_NAME = /^[A-Za-z0-9_.:-]{1,255}$/;

/** Part of a path, and shown in a column. */
const QUEUE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** As systemd.journal-fields(7) has field names: up to 64 capitals, digits and `_`, no digit first. */
const JOURNAL_MATCH = /^[A-Z_][A-Z0-9_]{0,63}=/;

export function checkAppName(text: string): readonly FormatProblem[] {
  if (APP_NAME.test(text)) return NO_PROBLEM;
  const mend = 'Write 1 to 48 letters, digits and signs of ASCII without blanks, such as "nginx".';
  return problem('CONFIG_BAD_VALUE', `"${text}" cannot be the program of a message.`, mend);
}

export function checkHostName(text: string): readonly FormatProblem[] {
  if (HOST_NAME.test(text)) return NO_PROBLEM;
  const mend = 'Write a name such as "web-1.example.org", or an address, without a port.';
  return problem('CONFIG_BAD_VALUE', `"${text}" is not the name of a host.`, mend);
}

export function checkQueueName(text: string): readonly FormatProblem[] {
  if (QUEUE_NAME.test(text)) return NO_PROBLEM;
  const mend =
    'Write 1 to 64 letters, digits, "-", "_" and ".", the first a letter or digit: it names a directory.';
  return problem('CONFIG_BAD_VALUE', `"${text}" cannot be the name of a destination.`, mend);
}

export function checkJournalMatch(text: string): readonly FormatProblem[] {
  if (text.includes('\0')) return problem('CONFIG_BAD_VALUE', 'The text holds a NUL.', 'Remove it.');
  if (text === '+' || JOURNAL_MATCH.test(text)) return NO_PROBLEM;
  const mend = 'Write FIELD=value, such as "_SYSTEMD_UNIT=nginx.service", or "+" between two groups.';
  return problem('CONFIG_BAD_VALUE', `"${text}" is not a match of journalctl.`, mend);
}

/** Beside what every pattern and every path is checked for. */
export function checkFileGlob(text: string): readonly FormatProblem[] {
  if (text.endsWith('/')) {
    const mend = `Write "${text}*.log", or "${text}**" for everything below it.`;
    return problem('CONFIG_BAD_VALUE', `"${text}" is a directory.`, mend);
  }
  const names = text.split('/');
  const glued = names.find((name) => name.includes('**') && name !== '**');
  if (glued !== undefined) {
    const mend =
      'Write "**" for any number of directories, as in "/var/log/**/*.log", and "*" within a name.';
    return problem('CONFIG_BAD_VALUE', `"**" in "${glued}" does not stand alone between two "/".`, mend);
  }
  const wild = names.findIndex((name) => /[*?[]/.test(name));
  if (wild >= 0 && names.slice(wild).includes('..')) {
    const what = `"${text}" goes up again behind a pattern.`;
    return problem('CONFIG_BAD_VALUE', what, 'Write out the directory that is meant.');
  }
  return NO_PROBLEM;
}

/** Programs of this host have no use for RELP or TLS on the way to its own agent. */
export function checkAgentListen(text: string): readonly FormatProblem[] {
  const found = checkListen(text);
  if (found.length > 0) return found;
  const listen = parseListen(text);
  if (listen?.transport === 'udp' || listen?.transport === 'tcp') return NO_PROBLEM;
  const mend = 'Write "udp://127.0.0.1:514" or "tcp://127.0.0.1:514"; `belfry serve` receives the others.';
  return problem('CONFIG_BAD_ADDRESS', `"${text}": an agent receives by udp and tcp alone.`, mend);
}

// Every command of `belfry`, in the order of its help. A new one is one file and one line here.

import type { CliCommand } from '../command.ts';
import { checkCommand } from './check.ts';
import { clientsCommand } from './clients.ts';
import { explainCommand } from './explain.ts';
import { loggerCommand } from './logger.ts';
import { ntpCommand } from './ntp.ts';
import { sendersCommand } from './senders.ts';
import { serveCommand } from './serve.ts';
import { statusCommand } from './status.ts';

export const COMMANDS: readonly CliCommand[] = [
  serveCommand,
  checkCommand,
  explainCommand,
  statusCommand,
  sendersCommand,
  clientsCommand,
  ntpCommand,
  loggerCommand,
];

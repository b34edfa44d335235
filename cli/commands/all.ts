// Every command of `belfry`, in the order of its help. A new one is one file and one line here. Only the command
// that was asked for is loaded: a question to a running server needs no server's code.

import type { CliCommand } from '../command.ts';

export const COMMANDS: Readonly<Record<string, () => Promise<CliCommand>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  agent: async () => (await import('./agent.ts')).agentCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  queue: async () => (await import('./queue.ts')).queueCommand,
  senders: async () => (await import('./senders.ts')).sendersCommand,
  clients: async () => (await import('./clients.ts')).clientsCommand,
  disconnects: async () => (await import('./disconnects.ts')).disconnectsCommand,
  ntp: async () => (await import('./ntp.ts')).ntpCommand,
  monitor: async () => (await import('./monitor.ts')).monitorCommand,
  install: async () => (await import('./install.ts')).installCommand,
  uninstall: async () => (await import('./uninstall.ts')).uninstallCommand,
  logger: async () => (await import('./logger.ts')).loggerCommand,
};

// The programs that a load is given to: Belfry, rsyslogd, and the sink that shows what the kernel alone costs.
// Each is started anew for every run, with a configuration written for that run, and listens on 127.0.0.1.
//
// rsyslogd runs twice: as it comes (only the input and the output are named, and the cache of dynamic files
// is larger than the number of files), and tuned: larger queue, larger batches, larger buffers. Both put a
// line into its file as soon as there is no more to do (flushOnTXEnd), as Belfry does: `tail -f` must work.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBelfry } from '../../test/system/belfry.ts';
import type { Peer } from '../../test/system/peers.ts';
import { isListening, type Program, startProgram, waitUntil } from '../../test/system/programs.ts';

/** What a server has to do with the messages. */
export interface Work {
  readonly transport: 'tcp' | 'udp';
  /** One file for all, or one for each host name. */
  readonly into: 'file' | 'files';
  /** Bytes of UDP receive buffer, the same for all servers; 0 for TCP. */
  readonly receiveBuffer: number;
}

export type ServerName = 'belfry' | 'rsyslogd' | 'rsyslogd tuned' | 'kernel';

export interface Server {
  readonly name: ServerName;
  /** The lines it writes still carry their PRI. */
  readonly keepsPri: boolean;
  /** Its files will stand below `folder`/out. */
  readonly start: (work: Work, port: number, folder: string) => Promise<Program>;
}

function logFolder(folder: string): string {
  const path = join(folder, 'out');
  mkdirSync(path, { recursive: true });
  return path;
}

export const belfry: Server = {
  name: 'belfry',
  keepsPri: false,
  start: (work, port, folder) => {
    const buffer = work.transport === 'udp' ? { receiveBuffer: `${work.receiveBuffer}B` } : {};
    const config = {
      syslog: { listen: [`${work.transport}://127.0.0.1:${port}`], ...buffer },
      files: { root: logFolder(folder), format: 'traditional' },
      rules: [{ name: 'load', file: work.into === 'file' ? 'all.log' : '{host}.log' }],
      control: { socket: join(folder, 'control.sock') },
    };
    const path = join(folder, 'server.json');
    writeFileSync(path, JSON.stringify(config));
    return startBelfry(path);
  },
};

function rsyslogConfig(work: Work, port: number, folder: string, tuned: boolean): string {
  const out = logFolder(folder);
  const buffer = `rcvbufSize="${work.receiveBuffer}"`;
  const input =
    work.transport === 'tcp'
      ? ['module(load="imptcp")', `input(type="imptcp" address="127.0.0.1" port="${port}")`]
      : [
          `module(load="imudp"${tuned ? ' batchSize="128"' : ''})`,
          `input(type="imudp" address="127.0.0.1" port="${port}" ${buffer})`,
        ];
  const format = `template="RSYSLOG_TraditionalFileFormat"${tuned ? ' ioBufferSize="256k"' : ''}`;
  const output =
    work.into === 'file'
      ? [`action(type="omfile" file="${out}/all.log" ${format})`]
      : [
          `template(name="byhost" type="string" string="${out}/%HOSTNAME%.log")`,
          `action(type="omfile" dynaFile="byhost" dynaFileCacheSize="200" ${format})`,
        ];
  const queue = tuned ? ['main_queue(queue.size="100000" queue.dequeueBatchSize="2048")'] : [];
  return [`global(workDirectory="${folder}")`, ...queue, ...input, ...output, ''].join('\n');
}

export function rsyslogd(peer: Peer, tuned: boolean): Server {
  return {
    name: tuned ? 'rsyslogd tuned' : 'rsyslogd',
    keepsPri: false,
    start: async (work, port, folder) => {
      const path = join(folder, 'rsyslog.conf');
      writeFileSync(path, rsyslogConfig(work, port, folder, tuned));
      const program = startProgram(peer, ['-n', '-f', path, '-i', join(folder, 'rsyslogd.pid')]);
      await waitUntil('rsyslogd listens', () => program.hasEnded() || isListening(work.transport, port));
      if (program.hasEnded()) throw new Error(`rsyslogd ended: ${program.stderr}`);
      return program;
    },
  };
}

export function kernelSink(path: string): Server {
  return {
    name: 'kernel',
    keepsPri: true,
    start: async (work, port, folder) => {
      const mode = work.transport === 'udp' ? 'udp' : work.into === 'file' ? 'tcp' : 'files';
      const size = mode === 'udp' ? [String(work.receiveBuffer)] : [];
      const sink: Peer = { path, args: [], env: {} };
      const program = startProgram(sink, [mode, String(port), logFolder(folder), ...size]);
      await waitUntil('the sink listens', () => program.hasEnded() || program.stdout.includes('ready'));
      if (program.hasEnded()) throw new Error(`the sink ended: ${program.stderr}`);
      return program;
    },
  };
}

// The senders and the sink are C, compiled on the spot: a sender in the language of the server under test
// would share its weaknesses. Without cc there is a slower sender in Node, and no sink.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface Tools {
  readonly sendTcp: readonly string[];
  readonly sendUdp: readonly string[];
  /** Undefined without cc: the kernel's own cost is not measured. */
  readonly sink: string | undefined;
  /** What a reader of the results has to know. */
  readonly note: string | undefined;
}

/** dist/bench/load → bench/load. */
const SOURCES = join(import.meta.dirname, '../../../bench/load');

function compile(name: string, folder: string): string | undefined {
  const program = join(folder, name);
  const done = spawnSync('cc', ['-O2', '-o', program, join(SOURCES, `${name}.c`)], { encoding: 'utf8' });
  return done.status === 0 ? program : undefined;
}

export function compileTools(folder: string): Tools {
  const sendTcp = compile('send_tcp', folder);
  const sendUdp = compile('send_udp', folder);
  const sink = compile('sink', folder);
  if (sendTcp !== undefined && sendUdp !== undefined && sink !== undefined) {
    return { sendTcp: [sendTcp], sendUdp: [sendUdp], sink, note: undefined };
  }
  const node = [process.execPath, join(import.meta.dirname, 'send.js')];
  const note =
    'No C compiler (cc): the sender is a slower one in Node, and the kernel’s own cost is not measured.';
  return { sendTcp: [...node, 'tcp'], sendUdp: [...node, 'udp'], sink: undefined, note };
}

// A control socket with made-up answers, for commands that ask one.

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openControl } from '../../../daemon/control/control.ts';
import type { Asked } from '../../../daemon/http/http.ts';
import type { SenderStatus } from '../../../daemon/sender-view.ts';
import { sampleStatus, useFolder } from '../daemon/samples.ts';

export const SENDERS: readonly SenderStatus[] = [
  {
    host: 'web1',
    fromHostIp: '192.0.2.7',
    messages: 12_345,
    bytes: 2_000_000,
    unparsed: 1,
    rate: 12.5,
    lastSeen: '2026-11-20T12:00:00.000Z',
    skewMs: -90_500,
    silentSince: null,
  },
  {
    host: 'db1\u001b[2J',
    fromHostIp: '2001:db8::1',
    messages: 3,
    bytes: 300,
    unparsed: 3,
    rate: 0,
    lastSeen: '2026-11-20T11:00:00.000Z',
    skewMs: null,
    silentSince: '2026-11-20T11:00:00.000Z',
  },
];

/** The path of a socket that answers. */
export async function useAnswers(t: TestContext, senders = SENDERS): Promise<string> {
  const socket = join(useFolder(t), 'control.sock');
  const asked: Asked = { status: () => sampleStatus(), senders: () => senders, clients: () => [] };
  const server = await openControl({ socket, mode: 0o600 }, asked);
  t.after(() => server.stop());
  return socket;
}

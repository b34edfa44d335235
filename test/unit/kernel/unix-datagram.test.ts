// Unix datagrams, read back by a small program in another language, since Node has none.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sendUnixDatagram } from '../../../kernel/unix-datagram.ts';

const READER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0), 1))
print('bound', flush=True)
print(s.recv(70000).hex(), flush=True)
`;

/** What the reader got; undefined where there is none. */
async function receive(t: TestContext, path: string, bytes: Uint8Array): Promise<string | undefined> {
  const reader = spawn('python3', ['-c', READER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => reader.kill());
  reader.on('error', () => undefined);
  let isSent = false;
  let text = '';
  for await (const part of reader.stdout.setEncoding('latin1')) {
    text += part as string;
    if (!isSent && text.includes('bound\n')) {
      assert.deepEqual(sendUnixDatagram(path, bytes), { ok: true });
      isSent = true;
    }
  }
  return isSent ? Buffer.from(text.slice('bound\n'.length).trim(), 'hex').toString('latin1') : undefined;
}

function useFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'belfry-unix-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a message reaches a file’s socket whole', async (t) => {
  const text = `READY=1\nSTATUS=${'x'.repeat(3000)}\0`;
  const got = await receive(t, join(useFolder(t), 'notify'), Buffer.from(text));
  if (got === undefined) return t.skip('python3, which reads it here, is not there');
  assert.equal(got, text);
});

test('a message reaches a name in the abstract namespace', async (t) => {
  const got = await receive(t, `@belfry-test-${process.pid}`, Buffer.from('READY=1'));
  if (got === undefined) return t.skip('python3, which reads it here, is not there');
  assert.equal(got, 'READY=1');
});

test('what cannot be sent is an error with a name', (t) => {
  const folder = useFolder(t);
  const bytes = Buffer.from('x');
  assert.deepEqual(sendUnixDatagram(join(folder, 'absent'), bytes), { ok: false, error: 'ENOENT' });
  assert.deepEqual(sendUnixDatagram(`@belfry-absent-${process.pid}`, bytes), {
    ok: false,
    error: 'ECONNREFUSED',
  });
  assert.deepEqual(sendUnixDatagram(`/${'x'.repeat(107)}`, bytes), { ok: false, error: 'ENAMETOOLONG' });
  assert.deepEqual(sendUnixDatagram(`/${'x'.repeat(106)}`, bytes), { ok: false, error: 'ENOENT' });
});

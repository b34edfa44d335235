// rsyslogd relays what it read as RFC 3164 in RFC 5424 form with the space behind the tag as the first byte of
// MSG. The line had two spaces where the relay's own file has one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMessage } from '../../syslog/parse.ts';
import { LinePrinter, worstCase } from '../../syslog/print.ts';
import { LogRecord } from '../../syslog/record.ts';
import { UTC } from '../../syslog/time.ts';

const peer = { text: Buffer.from('192.0.2.1'), zone: UTC, printsAsSent: true };

function traditional(message: string): string {
  const bytes = Buffer.from(message);
  const record = new LogRecord();
  parseMessage(record, bytes, 0, bytes.length);
  const out = Buffer.alloc(worstCase('traditional', record, peer) + 1);
  const end = new LinePrinter(UTC, 'tcp').print('traditional', record, peer, 0, out, 0, false);
  return out.toString('utf8', 0, end);
}

test('one space stands behind the tag, whether MSG brings it or not', () => {
  const header = '<13>1 2026-11-20T12:34:15Z web1 app 7 - -';
  assert.equal(traditional(`${header} hello`), 'Nov 20 12:34:15 web1 app[7]: hello\n');
  assert.equal(traditional(`${header}  hello`), 'Nov 20 12:34:15 web1 app[7]: hello\n');
  assert.equal(traditional(`${header}   hello`), 'Nov 20 12:34:15 web1 app[7]:  hello\n');
  assert.equal(
    traditional('<13>Nov 20 12:34:15 web1 app[7]:  hello'),
    'Nov 20 12:34:15 web1 app[7]:  hello\n',
  );
});

// What is said of failed handshakes and of certificates that end: each kind is heard of, and nobody can flood the
// log. In virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CertificateFacts } from '../../../../config/certificates.ts';
import type { ReadCredentials } from '../../../../daemon/tls/credentials.ts';
import type { TlsTroubleSaid } from '../../../../daemon/tls/tls.port.ts';
import { TlsBook } from '../../../../daemon/tls/tls-book.ts';
import { makeTlsCountTable, TlsCounts } from '../../../../daemon/tls/tls-counts.ts';
import { TroubleVoice } from '../../../../daemon/tls/trouble-voice.ts';
import { KeptLog } from '../samples.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe('which failures are said', () => {
  test('the first of each kind at once', () => {
    const voice = new TroubleVoice();
    assert.deepEqual(voice.ask('plain_text', '10.0.0.1', 0), { more: 0, morePeers: 0 });
    assert.deepEqual(voice.ask('unknown_ca', '10.0.0.1', 0), { more: 0, morePeers: 0 });
    assert.equal(voice.ask('plain_text', '10.0.0.2', 1), undefined);
  });

  test('one line a minute for a kind, which counts the others', () => {
    const voice = new TroubleVoice();
    let said = 0;
    let more = 0;
    let last = 0;
    for (let at = 0; at < 6000; at += 1) {
      const verdict = voice.ask('not_tls', `10.0.${at % 200}.${at % 7}`, at * 100);
      if (!verdict) continue;
      said += 1;
      last = at;
      more += verdict.more;
      if (said > 1) assert.ok(verdict.morePeers > 500, `${verdict.morePeers}`);
    }
    assert.equal(said, 10);
    assert.equal(said + more, last + 1, 'all up to the last line');
  });

  test('one peer is named once an hour, and does not take the turn of another', () => {
    const voice = new TroubleVoice();
    const said: string[] = [];
    for (let minute = 0; minute < 120; minute += 1) {
      for (const peer of ['scanner', ...(minute === 30 ? ['web-1'] : [])]) {
        const verdict = voice.ask('plain_text', peer, minute * MINUTE_MS);
        if (verdict) said.push(`${minute} ${peer} ${verdict.more} of ${verdict.morePeers}`);
      }
    }
    assert.deepEqual(said, ['0 scanner 0 of 0', '30 web-1 30 of 1', '60 scanner 29 of 1']);
  });

  test('memory is bounded, whoever comes', () => {
    const voice = new TroubleVoice();
    for (let at = 0; at < 5000; at += 1) voice.ask('timeout', `peer ${at}`, 1);
    const verdict = voice.ask('timeout', 'one more', MINUTE_MS + 1);
    assert.deepEqual(verdict, { more: 4999, morePeers: 1000 });
  });
});

const said: TlsTroubleSaid = {
  trouble: 'unknown_ca',
  peer: '10.0.0.1:4711',
  listener: 'tls://0.0.0.0:6514',
  what: 'its certificate is not signed by a CA of ours',
  mend: 'Add the CA.',
  certificate: undefined,
  isRefused: true,
  more: 0,
  morePeers: 0,
};

function fact(part: 'cert' | 'ca', subject: string, notAfterMs: number): CertificateFacts {
  const more = { issuer: 'CN=CA', serial: '01', names: [], notBeforeMs: 0 };
  return { part, path: `/etc/${part}.pem`, subject, notAfterMs, ...more };
}

function read(
  facts: readonly CertificateFacts[],
  warnings: ReadCredentials['warnings'] = [],
): ReadCredentials {
  const tls = {
    cert: '/c',
    key: '/k',
    ca: undefined,
    requireClientCert: false,
    minVersion: 'TLSv1.2',
  } as const;
  return { credentials: { tls, cert: '', key: '', ca: undefined }, facts, warnings };
}

function useBook() {
  const log = new KeptLog();
  const counts = new TlsCounts(makeTlsCountTable());
  return { log, counts, book: new TlsBook(log, counts) };
}

describe('the book of TLS', () => {
  test('a failure in one line: who, where, what, which certificate, how to mend, how many more', () => {
    const { log, book } = useBook();
    book.failed(said, 0);
    book.failed({ ...said, certificate: 'CN=web', more: 3, morePeers: 1 }, 0);
    book.failed({ ...said, isRefused: false, more: 3, morePeers: 2 }, 0);
    assert.deepEqual(log.texts, [
      'A TLS handshake with 10.0.0.1:4711 on tls://0.0.0.0:6514 failed: its certificate is not signed by a CA of ours. Add the CA.',
      'A TLS handshake with 10.0.0.1:4711 on tls://0.0.0.0:6514 failed: its certificate is not signed by a CA of ours. It showed: CN=web. Add the CA. Since the last such line there were 3 more, from 1 address.',
      '10.0.0.1:4711 on tls://0.0.0.0:6514 was let in without a certName: its certificate is not signed by a CA of ours. Add the CA. Since the last such line there were 3 more, from 2 addresses.',
    ]);
    assert.deepEqual(log.entries[0]?.facts, { event: 'tls_trouble', trouble: 'unknown_ca' });
  });

  test('without certificates there is nothing to say of TLS, and afterwards there is', () => {
    const { book, counts } = useBook();
    book.certified(undefined, 0);
    assert.equal(book.status(), null);
    const end = Date.UTC(2027, 0, 1);
    book.certified(read([fact('cert', 'CN=a', end), fact('cert', 'CN=b', end), fact('ca', 'CN=c', end)]), 0);
    counts.add('failed:plain_text', 2);
    counts.add('open', 3);
    book.failed(said, end);
    book.failed({ ...said, peer: '10.0.0.2:1' }, end);
    const status = book.status();
    assert.deepEqual(
      status?.certificates.map(({ use, subject, endsAt }) => `${use} ${subject} ${endsAt}`),
      ['server CN=a', 'issuer CN=b', 'ca CN=c'].map((text) => `${text} 2027-01-01T00:00:00.000Z`),
    );
    assert.equal(status?.failed.plain_text, 2);
    assert.equal(status?.connections, 3);
    assert.deepEqual(
      status?.lastTroubles.map(({ peer, at }) => `${peer} ${at}`),
      ['10.0.0.2:1 2027-01-01T00:00:00.000Z'],
    );
    book.certified(undefined, 0);
    assert.deepEqual(book.status()?.certificates, []);
  });

  test('what was found at the start is said, and then once a day what ends within 30 days', () => {
    const { log, book } = useBook();
    const startMs = Date.UTC(2026, 10, 20);
    const facts = [
      fact('cert', 'CN=web', startMs + 31.5 * DAY_MS),
      fact('ca', 'CN=CA', startMs + 400 * DAY_MS),
    ];
    const warning = { part: 'cert', trouble: 'weak-key', what: 'It is weak.', mend: 'Get another.' } as const;
    book.certified(read(facts, [warning]), startMs);
    assert.deepEqual(log.texts, ['It is weak. Get another.']);
    for (let hour = 0; hour <= 24 * 33; hour += 1) book.watch(startMs + hour * HOUR_MS);
    const texts = log.texts.slice(1);
    assert.equal(texts.length, 32);
    assert.match(
      texts[0] ?? '',
      /^The certificate CN=web in \/etc\/cert\.pem ends on 2026-12-21: 29 days left\. Put/,
    );
    assert.match(texts.find((text) => text.includes(' 1 day left')) ?? '', /ends on 2026-12-21/);
    assert.match(
      texts.at(-1) ?? '',
      /^The certificate CN=web in \/etc\/cert\.pem ended on 2026-12-21: peers refuse it/,
    );
    assert.equal(log.entries.at(-1)?.level, 'error');
    assert.equal(log.entries[1]?.level, 'warn');
  });

  test('a clock that is set back does not silence it', () => {
    const { log, book } = useBook();
    const startMs = Date.UTC(2026, 10, 20);
    book.certified(read([fact('cert', 'CN=web', startMs + 5 * DAY_MS)]), startMs);
    book.watch(startMs - 2 * DAY_MS);
    assert.equal(log.entries.length, 1);
    book.watch(startMs - 1.5 * DAY_MS);
    assert.equal(log.entries.length, 1);
  });
});

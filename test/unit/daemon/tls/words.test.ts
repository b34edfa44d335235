// From bytes and error codes to kinds and words: what a peer says instead of TLS, why a handshake failed, and the
// name on a certificate. By example, and for any bytes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { certificateName, describeCertificate } from '../../../../daemon/tls/certificate-name.ts';
import { notTls } from '../../../../daemon/tls/first-bytes.ts';
import { TLS_TROUBLES, type TlsTrouble } from '../../../../daemon/tls/tls-counts.ts';
import {
  ENDED_EARLY,
  type Failure,
  sayFailure,
  sayTimeout,
  sayVerdict,
} from '../../../../daemon/tls/trouble.ts';

const failure = (changes: Partial<Failure>): Failure => ({
  code: undefined,
  message: '',
  verdict: undefined,
  hasSeenOurs: false,
  ca: '/etc/belfry/ca.pem',
  minVersion: 'TLSv1.2',
  ...changes,
});

describe('the first bytes', () => {
  test('a handshake record is for TLS to judge, whatever comes behind it', () => {
    assert.equal(notTls(Buffer.from([0x16]), 'syslog'), undefined);
    assert.equal(notTls(Buffer.from('\x16<13>x', 'latin1'), 'syslog'), undefined);
  });

  const cases: readonly (readonly [string, TlsTrouble, RegExp])[] = [
    ['<13>Nov 20', 'plain_text', /plain syslog/],
    ['<', 'plain_text', /plain syslog/],
    ['120 <13>1 2026', 'plain_text', /plain syslog/],
    ['2', 'plain_text', /plain text/],
    ['1 open 85 relp', 'plain_text', /plain RELP/],
    ['17 syslog 9 <1', 'plain_text', /plain RELP/],
    ['GET / HTTP/1.1', 'plain_text', /HTTP/],
    ['PRI * HTTP/2.0', 'plain_text', /HTTP/],
    ['hello\r\n', 'plain_text', /plain text/],
    ['PROXY TCP4 1', 'not_tls', /PROXY header/],
    ['\r\n\r\n\0\r\nQUIT\n', 'not_tls', /PROXY header/],
    ['\x80\x2e\x01\x03\x01', 'old_version', /SSL 2/],
    ['\x00\x00', 'not_tls', /neither/],
    ['\x15\x03\x01\x00\x02', 'not_tls', /neither/],
  ];
  for (const [bytes, trouble, words] of cases) {
    test(JSON.stringify(bytes), () => {
      const found = notTls(Buffer.from(bytes, 'latin1'), 'syslog');
      assert.equal(found?.trouble, trouble);
      assert.match(found?.what ?? '', words);
    });
  }

  test('plain text is sent to the listener of its own kind', () => {
    const mend = (bytes: string, speaks: 'syslog' | 'relp') => notTls(Buffer.from(bytes), speaks)?.mend ?? '';
    assert.match(mend('<13>x', 'relp'), /tcp:\/\//);
    assert.match(mend('1 open 5 ', 'syslog'), /relp:\/\//);
    assert.match(mend('hello', 'relp'), /relp:\/\//);
    assert.match(mend('hello', 'syslog'), /tcp:\/\//);
  });
});

describe('why a handshake failed', () => {
  const cases: readonly (readonly [Partial<Failure>, TlsTrouble, RegExp])[] = [
    [{ verdict: 'CERT_HAS_EXPIRED' }, 'certificate_expired', /has expired/],
    [{ verdict: 'CERT_NOT_YET_VALID' }, 'certificate_not_yet_valid', /not valid yet/],
    [{ verdict: 'INVALID_PURPOSE' }, 'wrong_purpose', /by a client/],
    [{ verdict: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, 'unknown_ca', /by a CA in \/etc\/belfry\/ca\.pem$/],
    [{ verdict: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'unknown_ca', /signed itself/],
    [{ verdict: 'CERT_REVOKED' }, 'bad_certificate', /\(cert revoked\)/],
    [{ code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' }, 'no_certificate', /requireClientCert/],
    [{ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' }, 'old_version', /from TLS 1\.2 on/],
    [{ code: 'ERR_SSL_NO_SHARED_CIPHER' }, 'no_shared_cipher', /no cipher/],
    [{ code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }, 'rejected_by_peer', /alert 48/],
    [{ code: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED' }, 'rejected_by_peer', /alert 45/],
    [{ code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' }, 'peer_alert', /alert 40/],
    [{ code: 'ERR_SSL_TLSV1_ALERT_SOMETHING_NEW' }, 'peer_alert', /\(something new\)/],
    [{ code: 'ECONNRESET' }, 'ended_early', /before the handshake/],
    [{ code: 'ECONNRESET', hasSeenOurs: true }, 'ended_early', /had seen the certificate/],
    // What the certificate is judged to be tells more than how the connection ended.
    [{ code: 'ECONNRESET', verdict: 'CERT_HAS_EXPIRED' }, 'certificate_expired', /expired/],
    [{ code: 'ERR_NEW' }, 'broken', /\(ERR_NEW\)/],
    [{ message: 'odd' }, 'broken', /\(odd\)/],
    [
      {
        code: 'ERR_SSL_PACKET_LENGTH_TOO_LONG',
        message: '80AC:error:0A0000C6:SSL routines:ssl3_get_record:packet length too long:../x.c:1:\n',
      },
      'broken',
      /\(packet length too long\)/,
    ],
  ];
  for (const [changes, trouble, words] of cases) {
    test(JSON.stringify(changes), () => {
      const said = sayFailure(failure(changes));
      assert.equal(said.trouble, trouble);
      assert.match(said.what, words);
      assert.match(said.mend, /^[A-Z].*\.$/);
      assert.doesNotMatch(said.what, /[.\n]$/, 'it goes on in a sentence');
    });
  }

  test('a peer that hangs up without having seen anything is one and the same value', () => {
    assert.equal(sayFailure(failure({ code: 'ECONNRESET' })), ENDED_EARLY);
  });

  test('the oldest version allowed is named, and what could be done about it', () => {
    const said = sayFailure(failure({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL', minVersion: 'TLSv1.3' }));
    assert.match(said.mend, /syslog\.tls\.minVersion/);
  });

  test('a verdict without a CA in the configuration, and timeouts', () => {
    assert.match(sayVerdict('CERT_UNTRUSTED', undefined).what, /syslog\.tls\.ca/);
    assert.match(sayTimeout(10_000, false).what, /nothing .* within 10 s/);
    assert.match(sayTimeout(500, true).what, /not over within 0\.5 s/);
  });

  test('every kind is in the table of counts, once', () => {
    assert.equal(new Set(TLS_TROUBLES).size, TLS_TROUBLES.length);
  });
});

describe('the name on a certificate', () => {
  const subject = (CN: string) => ({ C: '', ST: '', L: '', O: 'Example', OU: '', CN });
  const name = (subjectaltname: string | undefined, CN = 'common') =>
    certificateName({ subject: subject(CN), ...(subjectaltname && { subjectaltname }) });

  test('the first DNS name, then the first address, then the first mail address, then the common name', () => {
    assert.equal(name('email:a@b.example, IP Address:192.0.2.1, DNS:Web.example, DNS:b'), 'web.example');
    assert.equal(name('email:a@b.example, IP Address:192.0.2.1'), '192.0.2.1');
    assert.equal(name('URI:http://x, email:a@b.example'), 'a@b.example');
    assert.equal(name('URI:http://x'), 'common');
    assert.equal(name(undefined), 'common');
    assert.equal(certificateName({}), undefined);
  });

  test('a name that is written as two is one', () => {
    // As Node prints a DNS name that contains ", DNS:".
    assert.equal(name('DNS:"a.example, DNS:admin.example"'), 'a.example, dns:admin.example');
    assert.equal(name('DNS:"a\\", DNS:admin.example", DNS:b'), 'a", dns:admin.example');
    assert.equal(name('URI:"x, DNS:admin.example", DNS:b'), 'b');
  });

  test('of several common names the first', () => {
    const odd = { subject: { CN: ['one', 'two'] } } as unknown as Parameters<typeof certificateName>[0];
    assert.equal(certificateName(odd), 'one');
  });

  test('names that could deceive or break a line are none', () => {
    assert.equal(name('DNS:"a\\u0000.example"'), undefined);
    assert.equal(name('DNS:a\nb'), undefined);
    assert.equal(name(`DNS:${'a'.repeat(254)}`), undefined);
    assert.equal(name(`DNS:${'a'.repeat(253)}`), 'a'.repeat(253));
    assert.equal(name('DNS:'), undefined);
    assert.equal(name(undefined, ''), undefined);
  });

  test('a certificate on one line, whatever stands in it', () => {
    const shown = {
      subject: subject('web\n\x1b[31m'),
      issuer: subject('CA'),
      subjectaltname: 'DNS:a, DNS:b',
      serialNumber: '0A',
      valid_from: 'then',
      valid_to: 'now',
    };
    assert.match(
      describeCertificate(shown),
      /^CN=web\?\?\[31m, .*O=Example.*; names a, b; issued by CN=CA.*; serial 0A; valid from then to now$/,
    );
    assert.equal(describeCertificate({ ...shown, subject: subject('x'.repeat(9999)) }).length, 301);
    assert.match(describeCertificate({}), /^nobody named; issued by nobody named; serial \?/);
  });
});

// What is found in certificates and keys before anyone is shown them: each trouble with its words, and nothing in
// those that are whole.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type CertificateFinding,
  type CertificateReport,
  lookAtCertificates,
} from '../../../config/certificates.ts';
import { readTlsFiles } from '../../../config/tls-files.ts';
import { makeCertificate, makeKeys, pemOfKey } from './make-certificate.ts';
import { makeFiles } from './marked.ts';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const DAY_MS = 86_400_000;

const caKeys = makeKeys();
const ca = { subject: 'Our CA', keys: caKeys };
const caPem = makeCertificate({ ...ca, isCa: true });
const keys = makeKeys();
const key = pemOfKey(keys);
const LEAF = { subject: 'logs', keys, issuer: ca, dnsNames: ['logs.example.org', 'logs'], isCa: false };
const leaf = makeCertificate(LEAF);

interface Texts {
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly ca?: string | Uint8Array;
}

function look(texts: Texts, role: 'server' | 'client' = 'server', nowMs = Date.now()): CertificateReport {
  const file = (part: keyof Texts) => {
    const text = texts[part];
    return text === undefined ? undefined : { path: `/etc/${part}.pem`, bytes: Buffer.from(text) };
  };
  return lookAtCertificates({ cert: file('cert'), key: file('key'), ca: file('ca') }, role, nowMs);
}

function only(found: readonly CertificateFinding[]): CertificateFinding {
  assert.equal(found.length, 1, JSON.stringify(found));
  const [first] = found;
  assert.ok(first);
  assert.ok(first.what.endsWith('.') && first.mend.length > 0);
  return first;
}

test('a whole set has its facts and nothing else', () => {
  const nowMs = Date.now();
  const { facts, faults, warnings } = look({ cert: leaf + caPem, key, ca: caPem }, 'server', nowMs);
  assert.deepEqual([faults, warnings], [[], []]);
  assert.deepEqual(
    facts.map(({ part, subject, issuer, names }) => [part, subject, issuer, names]),
    [
      ['cert', 'CN=logs', 'CN=Our CA', ['logs.example.org', 'logs']],
      ['cert', 'CN=Our CA', 'CN=Our CA', []],
      ['ca', 'CN=Our CA', 'CN=Our CA', []],
    ],
  );
  assert.match(facts[0]?.serial ?? '', /^[0-9A-F]+$/);
  assert.ok((facts[0]?.notBeforeMs ?? 0) < nowMs && (facts[0]?.notAfterMs ?? 0) > nowMs + 360 * DAY_MS);
});

test('text around the blocks is passed over', () => {
  const { faults, facts } = look({ cert: `Subject: CN=logs\n${leaf}\n- -- end\n`, key: `\n${key}` });
  assert.deepEqual([faults, facts.length], [[], 1]);
});

test('dates are judged by the time that is handed in', () => {
  const from = new Date('2026-03-01T00:00:00Z');
  const to = new Date('2026-06-01T12:30:00Z');
  const cert = makeCertificate({ ...LEAF, from, to });
  const at = (text: string) => look({ cert }, 'server', Date.parse(text));
  const early = only(at('2026-02-28T23:59:59Z').faults);
  assert.equal(early.trouble, 'not-yet-valid');
  assert.match(early.what, /CN=logs in \/etc\/cert\.pem is not valid before 2026-03-01 00:00 UTC/);
  const late = only(at('2026-06-01T12:30:00Z').faults);
  assert.equal(late.trouble, 'expired');
  assert.match(late.what, /ended on 2026-06-01 12:30 UTC/);
  const soon = at('2026-05-22T12:00:00Z');
  assert.deepEqual(soon.faults, []);
  assert.match(only(soon.warnings).what, /ends on 2026-06-01 12:30 UTC: 10 days left/);
  assert.equal(only(soon.warnings).trouble, 'ends-soon');
  assert.match(only(at('2026-06-01T12:00:00Z').warnings).what, /less than a day left/);
  assert.match(only(at('2026-05-31T12:00:00Z').warnings).what, /: 1 day left/);
  assert.deepEqual(at('2026-05-02T12:29:59Z').warnings, []);
  assert.equal(at('2026-05-02T12:30:00Z').warnings.length, 1);
});

test('an issuer and a CA that have ended are told too', () => {
  const old = makeCertificate({ ...ca, isCa: true, from: new Date(0), to: new Date(DAY_MS) });
  const { faults } = look({ cert: leaf + old, key, ca: old });
  assert.deepEqual(
    faults.map(({ part, trouble }) => [part, trouble]),
    [
      ['cert', 'expired'],
      ['ca', 'expired'],
    ],
  );
});

test('a key of another certificate', () => {
  const found = only(look({ cert: leaf, key: pemOfKey(makeKeys()) }).faults);
  assert.deepEqual([found.part, found.trouble], ['key', 'wrong-key']);
  assert.match(found.what, /\/etc\/key\.pem does not belong to the certificate in \/etc\/cert\.pem/);
});

test('the issuer before the certificate', () => {
  const { faults, warnings } = look({ cert: caPem + leaf, key });
  assert.equal(only(faults).trouble, 'wrong-order');
  assert.match(only(faults).what, /belongs to certificate 2 in/);
  assert.equal(only(warnings).trouble, 'broken-chain');
});

test('certificates that did not issue each other', () => {
  const other = makeCertificate({ subject: 'Other CA', keys: makeKeys(), isCa: true });
  const { faults, warnings } = look({ cert: leaf + other, key });
  assert.deepEqual(faults, []);
  assert.match(only(warnings).what, /Certificate 2 .*CN=Other CA.* did not issue .*CN=logs/);
});

test('a locked key', () => {
  const locked = keys.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  const found = only(look({ cert: leaf, key: String(locked) }).faults);
  assert.equal(found.trouble, 'locked-key');
  assert.match(found.mend, /openssl pkey -in \/etc\/key\.pem/);
  const old = keys.privateKey.export({ type: 'sec1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' });
  assert.equal(only(look({ cert: leaf, key: String(old) }).faults).trouble, 'locked-key');
});

test('files that hold something else', () => {
  const cases: readonly (readonly [Texts, string, RegExp])[] = [
    [{ cert: '' }, 'empty', /cert\.pem is empty/],
    [{ cert: key }, 'not-pem', /holds no certificate, but a block "PRIVATE KEY"/],
    [{ key: leaf }, 'not-pem', /holds no private key, but a block "CERTIFICATE"/],
    [{ cert: 'hello' }, 'not-pem', /not PEM, but something else/],
    [{ cert: Buffer.from(leaf.split('\n').slice(1, -2).join(''), 'base64') }, 'not-pem', /DER/],
    [{ ca: leaf.replace(/^.{20}/m, '') }, 'not-pem', /not PEM/],
    [
      { cert: leaf.replace('MII', 'AAA').replace(/MI[A-Z]/, 'AAA') },
      'not-pem',
      /certificate in .* is damaged/,
    ],
    [{ key: key.replace('\nM', '\nA') }, 'not-pem', /private key in .* is damaged/],
    [{ ca: caPem + caPem.replace('\nM', '\nA') }, 'not-pem', /Certificate 2 in .* is damaged/],
  ];
  for (const [texts, trouble, what] of cases) {
    const found = only(look(texts).faults);
    assert.equal(found.trouble, trouble, found.what);
    assert.match(found.what, what);
  }
});

test('a public key that is none', () => {
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' });
  // The first byte of the point, which says how it is written (SEC 1 section 2.3.3).
  publicKey[publicKey.length - 65] = 1;
  const broken = makeCertificate({ ...LEAF, publicKey });
  const { faults } = look({ cert: broken, key, ca: broken });
  assert.match(faults[0]?.what ?? '', /public key of the certificate in .* is damaged/);
  assert.deepEqual(
    faults.map(({ trouble }) => trouble),
    ['not-pem', 'not-a-ca', 'wrong-key'],
  );
});

test('who may sign', () => {
  const found = only(look({ ca: leaf }).faults);
  assert.deepEqual([found.part, found.trouble], ['ca', 'not-a-ca']);
  // Pinning one self-signed certificate is a way that people go.
  const pinned = look({ ca: makeCertificate({ subject: 'logs', keys, isCa: false }) });
  assert.deepEqual(pinned.faults, []);
  assert.match(only(pinned.warnings).what, /Nothing but that certificate itself/);
});

test('a purpose that the role does not have', () => {
  const client = makeCertificate({ ...LEAF, purposes: [CLIENT_AUTH] });
  assert.equal(only(look({ cert: client, key }).warnings).trouble, 'wrong-purpose');
  assert.deepEqual(look({ cert: client, key }, 'client').warnings, []);
  const server = makeCertificate({ ...LEAF, purposes: [SERVER_AUTH] });
  assert.match(only(look({ cert: server, key }, 'client').warnings).what, /lacks clientAuth/);
  assert.deepEqual(look({ cert: makeCertificate({ ...LEAF, purposes: ['2.5.29.37.0'] }), key }).warnings, []);
});

test('a key that many refuse', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const cert = makeCertificate({ subject: 'logs', keys: small });
  const { faults, warnings } = look({ cert, key: pemOfKey(small) });
  assert.deepEqual(faults, []);
  assert.match(only(warnings).what, /has 1024 bits/);
});

test('files are read, and what keeps them from us is said', (t) => {
  const folder = makeFiles(t, { 'cert.pem': leaf, 'key.pem': key, 'ca.pem': caPem });
  const path = (name: string) => join(folder, name);
  chmodSync(path('key.pem'), 0o640);
  const read = (cert: string, own = 'key.pem') =>
    readTlsFiles({ cert: path(cert), key: path(own), ca: path('ca.pem') }, 'server', Date.now());
  const good = read('cert.pem');
  assert.deepEqual([good.faults, good.warnings], [[], []]);
  assert.deepEqual([String(good.cert), String(good.key), String(good.ca)], [leaf, key, caPem]);
  assert.match(only(read('absent.pem').faults).what, /There is no file \/.*absent\.pem/);
  mkdirSync(path('folder'));
  assert.match(only(read('folder').faults).what, /is a directory/);
  execFileSync('mkfifo', [path('pipe')]);
  assert.match(only(read('pipe').faults).what, /not a plain file/);
  writeFileSync(path('large'), Buffer.alloc(4 * 1024 ** 2 + 1));
  assert.match(only(read('large').faults).what, /larger than 4 MiB/);
  assert.match(only(read('/dev/null').faults).what, /not a plain file|no file/);
  chmodSync(path('key.pem'), 0o644);
  const open = only(read('cert.pem').warnings);
  assert.deepEqual([open.part, open.trouble], ['key', 'open-key']);
  assert.match(open.what, /mode 0644/);
});

test('what the TLS library refuses is told before it is asked in earnest', (t) => {
  const tiny = generateKeyPairSync('rsa', { modulusLength: 768 });
  const folder = makeFiles(t, {
    'cert.pem': makeCertificate({ subject: 'logs', keys: tiny }),
    'key.pem': pemOfKey(tiny),
  });
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: undefined };
  const found = only(readTlsFiles(paths, 'server', Date.now()).faults);
  assert.deepEqual([found.part, found.trouble], ['cert', 'refused']);
  assert.match(found.what, /too small/);
});

test('a file that this user may not read', {
  skip: process.getuid?.() === 0 ? 'root may read everything' : false,
}, (t) => {
  const folder = makeFiles(t, { 'key.pem': key });
  chmodSync(join(folder, 'key.pem'), 0);
  const { faults } = readTlsFiles(
    { cert: undefined, key: join(folder, 'key.pem'), ca: undefined },
    'client',
    0,
  );
  assert.match(only(faults).mend, /0640/);
});

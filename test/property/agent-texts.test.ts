// Single values of agent.json: addresses, patterns of files, certificates. What is taken can be used, what is refused
// is said, and no bytes make them throw.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileGlobs } from '../../client/inputs/file/globs.ts';
import { checkListen, parseListen } from '../../config/address-formats.ts';
import { lookAtCertificates } from '../../config/certificates.ts';
import { coversBelow, mayMatchBelow } from '../../config/file-glob.ts';
import { checkTarget, parseTarget } from '../../config/target.ts';
import { makeCertificate, makeKeys, pemOfKey } from '../unit/config/make-certificate.ts';
import { fc } from './chance.ts';

const text = (...words: string[]) => fc.constantFrom(...words);

test('an address is taken exactly when there is nothing to say against it', () => {
  const part = text(
    'relp',
    'tcp',
    'udp',
    'tls',
    'x',
    '://',
    ':',
    '[',
    ']',
    '::1',
    '10.0.0.1',
    'a-b.c',
    '514',
    '@',
    '/',
    '%',
  );
  const address = fc.oneof(
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('')),
    fc.string().map((rest) => `relp://${rest}`),
    fc.string(),
  );
  fc.assert(
    fc.property(address, (own) => {
      assert.equal(parseTarget(own) === undefined, checkTarget(own).length > 0, own);
      assert.equal(parseListen(own) === undefined, checkListen(own).length > 0, own);
      for (const { what, mend } of [...checkTarget(own), ...checkListen(own)])
        assert.ok(what !== '' && mend !== '', own);
    }),
    { numRuns: 3000 },
  );
});

test('a target that is suggested instead of another is good', () => {
  const rest = fc.array(text('a', '10.0.0.1', ':', '514', 'fd00::1', '.', '/x', '@'), { maxLength: 5 });
  fc.assert(
    fc.property(text('', '@', '@@', 'relp://', 'tls://'), rest, (lead, parts) => {
      for (const { mend } of checkTarget(lead + parts.join('')))
        for (const [, own = ''] of mend.matchAll(/"((?:relps?|tcp|udp|tls):\/\/[^"]*)"/g))
          assert.deepEqual(checkTarget(own).slice(1), [], `${lead}${parts.join('')}: ${mend}`);
    }),
    { numRuns: 1000 },
  );
});

const NAMES = ['a', 'b', 'ab', '.h', 'q1'];
const directory = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 });
const pattern = fc.array(fc.constantFrom(...NAMES, '*', '?', '**', '[a-c]', '.*', 'a*'), {
  minLength: 1,
  maxLength: 5,
});
const pathOf = (names: readonly string[]) => `/${names.join('/')}`;

test('a pattern that means a file in a directory is said to reach into it', () => {
  fc.assert(
    fc.property(pattern, directory, directory, (globs, names, below) => {
      const [own, at] = [pathOf(globs), pathOf(names)];
      const isMeant = new FileGlobs([own], []).means(`${at}${pathOf(below)}`);
      if (isMeant) assert.ok(mayMatchBelow(own, at), `${own} in ${at}`);
      const isHidden = below.some((name) => name.startsWith('.'));
      if (coversBelow(own, at) && !isHidden) assert.ok(isMeant, `${own} over ${at}`);
    }),
    { numRuns: 5000 },
  );
});

test('bytes in place of a certificate or key are findings, never a throw', () => {
  const keys = makeKeys();
  const purposes = ['1.3.6.1.5.5.7.3.1'];
  const pem = makeCertificate({ subject: 'a', keys, dnsNames: ['b'], isCa: true, purposes });
  const der = Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64');
  const damaged = fc
    .array(fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 3 })
    .map((changes) => {
      const own = Buffer.from(der);
      for (const [at, byte] of changes) own[at] = byte;
      const base64 = own.toString('base64');
      return Buffer.from(
        `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n${pemOfKey(keys)}`,
      );
    });
  const bytes = fc.oneof(
    damaged,
    fc.uint8Array({ maxLength: 200 }).map((own) => Buffer.from(own)),
  );
  fc.assert(
    fc.property(bytes, bytes, fc.boolean(), (first, second, isServer) => {
      const files = {
        cert: { path: '/cert', bytes: first },
        key: { path: '/key', bytes: second },
        ca: { path: '/ca', bytes: first },
      };
      const { faults, warnings } = lookAtCertificates(files, isServer ? 'server' : 'client', Date.now());
      for (const { what, mend } of [...faults, ...warnings]) assert.ok(what !== '' && mend !== '');
    }),
    { numRuns: 1000 },
  );
});

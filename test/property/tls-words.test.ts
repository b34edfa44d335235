// Whatever a stranger sends, or writes into a certificate, it becomes a kind and a sentence on one line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternativeNames, certificateName, describeCertificate } from '../../daemon/tls/certificate-name.ts';
import { notTls } from '../../daemon/tls/first-bytes.ts';
import { TLS_TROUBLES } from '../../daemon/tls/tls-counts.ts';
import { sayFailure } from '../../daemon/tls/trouble.ts';
import { fc, SEED } from './chance.ts';

const seed = { seed: SEED };
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const text = fc.string({ unit: 'binary', maxLength: 400 });
const names = fc.oneof(
  text,
  fc
    .array(fc.tuple(fc.constantFrom('DNS', 'IP Address', 'email', 'URI', 'othername'), text))
    .map((list) =>
      list.map(([kind, value]) => `${kind}:${/[",]/.test(value) ? JSON.stringify(value) : value}`).join(', '),
    ),
);

test(`any first bytes are TLS, or something that has words (seed ${SEED})`, () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1 }),
    text.filter((one) => one !== '').map((one) => Buffer.from(one)),
  );
  fc.assert(
    fc.property(bytes, fc.constantFrom('syslog' as const, 'relp' as const), (first, speaks) => {
      const found = notTls(first, speaks);
      assert.equal(found === undefined, first[0] === 0x16);
      if (found) assert.ok(TLS_TROUBLES.includes(found.trouble));
    }),
    seed,
  );
});

test(`any trouble of the library is a kind and a line (seed ${SEED})`, () => {
  const codes = fc.oneof(
    text,
    text.map((one) => `ERR_SSL_TLSV1_ALERT_${one}`),
    fc.constant(undefined),
  );
  const verdicts = fc.option(fc.stringMatching(/^[A-Z_]{1,40}$/), { nil: undefined });
  fc.assert(
    fc.property(codes, text, verdicts, (code, message, verdict) => {
      const said = sayFailure({
        code,
        message,
        verdict,
        hasSeenOurs: false,
        ca: undefined,
        minVersion: 'TLSv1.2',
      });
      assert.ok(TLS_TROUBLES.includes(said.trouble));
      assert.doesNotMatch(said.what, CONTROL);
    }),
    seed,
  );
});

test(`the name of any certificate is printable, and its description is one line (seed ${SEED})`, () => {
  fc.assert(
    fc.property(names, text, (subjectaltname, CN) => {
      const subject = { C: '', ST: '', L: '', O: '', OU: '', CN };
      const name = certificateName({ subjectaltname, subject });
      if (name !== undefined) {
        assert.doesNotMatch(name, CONTROL);
        assert.ok(name.length > 0 && name.length <= 253);
      }
      const line = describeCertificate({ subjectaltname, subject, issuer: subject });
      assert.doesNotMatch(line, CONTROL);
      assert.ok(line.length <= 301);
    }),
    seed,
  );
});

test(`names that are printed are read again, one for one (seed ${SEED})`, () => {
  const plain = fc.stringMatching(/^[a-z0-9.-]{1,20}$/);
  const odd = fc.string({ minLength: 1, maxLength: 30 }).map((value) => `${value},"`);
  fc.assert(
    fc.property(fc.array(fc.oneof(plain, odd)), (values) => {
      const printed = values.map((value) => `DNS:${/[",]/.test(value) ? JSON.stringify(value) : value}`);
      assert.deepEqual(
        alternativeNames(printed.join(', ')).map(({ value }) => value),
        values,
      );
    }),
    seed,
  );
});

// What an operator may write about TLS: the server's certificate and whom it lets in (`syslog.tls`). Part of the
// schema of server.json (config/server.schema.ts).
//
// Refuses: versions before TLS 1.2 (RFC 8996), and keys that are locked with a passphrase (config/certificates.ts).

import type { Schema } from './rule.schema.ts';

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

export const tlsServerSchema = {
  title: 'tls',
  type: 'object',
  additionalProperties: false,
  required: ['cert', 'key'],
  description:
    'The certificate that `tls://` and `relps://` listeners show, and which senders they let in. Files are PEM; they are read at the start and at SIGHUP.',
  examples: [{ cert: 'server.pem', key: 'server.key', ca: 'ca.pem', requireClientCert: true }],
  properties: {
    cert: {
      type: 'string',
      format: 'path',
      description: 'Certificate of this server, behind it those of its issuers but the root.',
      examples: ['server.pem'],
    },
    key: {
      type: 'string',
      format: 'path',
      description: 'Private key of that certificate, without a passphrase.',
      examples: ['server.key'],
    },
    ca: {
      type: 'string',
      format: 'path',
      description:
        'Who signs the certificates of senders: one or more certificates. Absent: senders are not asked for a certificate.',
      examples: ['ca.pem'],
    },
    requireClientCert: {
      type: 'boolean',
      default: false,
      description:
        'A sender without a certificate that `ca` has signed is turned away in the handshake. Otherwise it is asked, and let in without.',
    },
    minVersion: {
      type: 'string',
      enum: TLS_VERSIONS,
      default: 'TLSv1.2',
      description: 'The oldest version that is spoken.',
    },
  },
} as const satisfies Schema;

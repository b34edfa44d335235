// From what the TLS library says of a failed handshake to the kind that is counted and the sentences that a
// person can act on. Pure. What a library says that is not known here is passed on in its own words.

import type { TlsTrouble } from './tls-counts.ts';

export interface Said {
  readonly trouble: TlsTrouble;
  /** Goes on after "A TLS handshake with 10.0.0.1:4711 failed: ". */
  readonly what: string;
  /** Whole sentences. */
  readonly mend: string;
}

/** What the library has told of a handshake. */
export interface Failure {
  /** `ERR_SSL_NO_SHARED_CIPHER`, `ECONNRESET`. */
  readonly code: string | undefined;
  readonly message: string;
  /** Why the peer's certificate was not accepted, as OpenSSL calls it: `CERT_HAS_EXPIRED`. */
  readonly verdict: string | undefined;
  /** Our certificate was on its way when it ended. */
  readonly hasSeenOurs: boolean;
  /** syslog.tls.ca */
  readonly ca: string | undefined;
  readonly minVersion: string;
}

export function sayFailure(failure: Failure): Said {
  const { code = '', verdict } = failure;
  if (verdict !== undefined) return sayVerdict(verdict, failure.ca);
  const alert = /ALERT_([A-Z_]+)$/.exec(code)?.[1];
  if (alert !== undefined) return sayAlert(alert);
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return NO_CERTIFICATE;
  if (OLD_VERSION.has(code)) return sayOldVersion(failure.minVersion);
  if (NO_SHARED.has(code)) return NO_SHARED_CIPHER;
  if (ENDED.has(code)) return sayEnded(failure.hasSeenOurs);
  return {
    trouble: 'broken',
    what: `what it sends is not good TLS (${reasonOf(failure)})`,
    mend: 'If it is one of your senders, look at its TLS settings; else syslog.allow keeps strangers out.',
  };
}

/** `…:error:0A0000C7:SSL routines:tls_process_client_certificate:peer did not…:file:line:` → the reason. */
function reasonOf({ code, message }: Failure): string {
  const reason = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(message)?.[1];
  return (reason ?? code ?? message).replace(/[\x00-\x1f\x7f-\x9f]/g, '?').slice(0, 120);
}

// ---- the peer's certificate

const NO_CERTIFICATE: Said = {
  trouble: 'no_certificate',
  what: 'it shows no certificate, and syslog.tls.requireClientCert is set',
  mend: 'Give the sender a certificate and its key, signed by the CA in syslog.tls.ca.',
};

const UNKNOWN_CA = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
]);

/** `ca` is the file that the certificate was held against. */
export function sayVerdict(verdict: string, ca: string | undefined): Said {
  if (verdict === 'CERT_HAS_EXPIRED') {
    return {
      trouble: 'certificate_expired',
      what: 'its certificate, or one above it, has expired',
      mend: 'Renew the certificate of the sender; if it has not ended yet, the clock of this host is wrong.',
    };
  }
  if (verdict === 'CERT_NOT_YET_VALID') {
    return {
      trouble: 'certificate_not_yet_valid',
      what: 'its certificate, or one above it, is not valid yet',
      mend: 'Look at the clocks of this host and of whoever issued the certificate.',
    };
  }
  if (verdict === 'INVALID_PURPOSE') {
    return {
      trouble: 'wrong_purpose',
      what: 'its certificate may not be used by a client',
      mend: 'Issue it with extendedKeyUsage=clientAuth (or without that extension).',
    };
  }
  if (UNKNOWN_CA.has(verdict)) {
    const selfSigned = verdict === 'DEPTH_ZERO_SELF_SIGNED_CERT' ? ' (it has signed itself)' : '';
    return {
      trouble: 'unknown_ca',
      what: `its certificate is not signed by a CA in ${ca ?? 'syslog.tls.ca'}${selfSigned}`,
      mend: 'Add the CA that issued it to syslog.tls.ca, with those above it up to the root, or let the sender show the certificates between them too.',
    };
  }
  return {
    trouble: 'bad_certificate',
    what: `its certificate is not accepted (${verdict.toLowerCase().replaceAll('_', ' ')})`,
    mend: 'Issue it anew.',
  };
}

// ---- what the peer says

/** Alerts about the certificate that we have shown (RFC 8446 section 6.2), with their numbers. */
const REJECTIONS: Readonly<Record<string, string>> = {
  BAD_CERTIFICATE: 'alert 42: it is damaged, or its signature is wrong',
  UNSUPPORTED_CERTIFICATE: 'alert 43: it is of a kind that the sender does not know',
  CERTIFICATE_REVOKED: 'alert 44: it was revoked',
  CERTIFICATE_EXPIRED: 'alert 45: it has expired, or is not valid yet by the clock there',
  CERTIFICATE_UNKNOWN: 'alert 46: it does not please for a reason of its own, such as the name in it',
  UNKNOWN_CA: 'alert 48: the sender does not know the CA that issued it',
  ACCESS_DENIED: 'alert 49: access denied',
};

const ALERTS: Readonly<Record<string, string>> = {
  UNEXPECTED_MESSAGE: 'alert 10: unexpected message',
  BAD_RECORD_MAC: 'alert 20: bad record',
  RECORD_OVERFLOW: 'alert 22: record too long',
  HANDSHAKE_FAILURE: 'alert 40: no settings that both sides accept',
  NO_CERTIFICATE: 'alert 41: no certificate',
  ILLEGAL_PARAMETER: 'alert 47: illegal parameter',
  DECODE_ERROR: 'alert 50: a message could not be read',
  DECRYPT_ERROR: 'alert 51: a signature could not be verified',
  PROTOCOL_VERSION: 'alert 70: no version of TLS that both sides speak',
  INSUFFICIENT_SECURITY: 'alert 71: our ciphers are too weak for it',
  INTERNAL_ERROR: 'alert 80: internal error',
  USER_CANCELLED: 'alert 90: cancelled',
  NO_RENEGOTIATION: 'alert 100: no renegotiation',
  UNRECOGNIZED_NAME: 'alert 112: unrecognised name',
};

function sayAlert(alert: string): Said {
  const rejection = REJECTIONS[alert];
  if (rejection !== undefined) {
    return {
      trouble: 'rejected_by_peer',
      what: `it does not accept the certificate of this server (${rejection})`,
      mend: 'Give the sender the CA that issued syslog.tls.cert, put the certificates between them into syslog.tls.cert, and let the sender use a name that stands in it.',
    };
  }
  return {
    trouble: 'peer_alert',
    what: `it ended the handshake (${ALERTS[alert] ?? alert.toLowerCase().replaceAll('_', ' ')})`,
    mend: 'Look at the log of the sender, which knows why.',
  };
}

// ---- versions and ciphers

const OLD_VERSION = new Set([
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_VERSION_TOO_LOW',
  'ERR_SSL_INAPPROPRIATE_FALLBACK',
  'ERR_SSL_NO_PROTOCOLS_AVAILABLE',
  'ERR_SSL_UNKNOWN_PROTOCOL',
]);

const NO_SHARED = new Set([
  'ERR_SSL_NO_SHARED_CIPHER',
  'ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS',
  'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM',
  'ERR_SSL_NO_SUITABLE_KEY_SHARE',
  'ERR_SSL_NO_SUITABLE_GROUPS',
]);

function sayOldVersion(minVersion: string): Said {
  const mend =
    minVersion === 'TLSv1.3'
      ? 'Update the TLS library of the sender, or set syslog.tls.minVersion to TLSv1.2.'
      : 'Update the TLS library of the sender, or allow TLS 1.2 in its settings.';
  const what = `it speaks no version of TLS from ${minVersion.replace('v', ' ')} on`;
  return { trouble: 'old_version', what, mend };
}

const NO_SHARED_CIPHER: Said = {
  trouble: 'no_shared_cipher',
  what: 'there is no cipher or signature that both sides accept',
  mend: "Look at the sender's list of ciphers, and whether it takes the kind of key (RSA, EC) in syslog.tls.cert.",
};

// ---- the end

const ENDED = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

function sayEnded(hasSeenOurs: boolean): Said {
  if (!hasSeenOurs) return ENDED_EARLY;
  return {
    trouble: 'ended_early',
    what: 'it hung up without a word when it had seen the certificate of this server',
    mend: 'Most often the sender does not know the CA that issued syslog.tls.cert, or asks for another name; its log knows.',
  };
}

export const ENDED_EARLY: Said = {
  trouble: 'ended_early',
  what: 'it hung up before the handshake was over',
  mend: 'A port scan or a health check does that; if it is one of your senders, its log knows why.',
};

export function sayTimeout(handshakeTimeoutMs: number, hasBegun: boolean): Said {
  const span = `${handshakeTimeoutMs / 1000} s (syslog.handshakeTimeout)`;
  return {
    trouble: 'timeout',
    what: hasBegun
      ? `the handshake was not over within ${span}`
      : `nothing that begins a handshake came within ${span}`,
    mend: 'A sender that speaks no TLS waits like that, and so does one behind a firewall that drops large packets.',
  };
}

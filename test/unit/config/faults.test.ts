// Every kind of fault of a configuration: its code, its line and column (where the mark ^ stands), its key path,
// and that it says how to mend it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULTS, type FaultCode } from '../../../base/fault.ts';
import { loadText, markPosition } from './marked.ts';

interface Case {
  readonly code: FaultCode;
  readonly text: string;
  readonly key: string;
  readonly what: RegExp;
  readonly mend: RegExp;
}

/** A case with one rule that takes everything beside what is tested. */
function syslog(inner: string): string {
  return `{\n  "syslog": { ${inner} },\n  "rules": [{ "file": "a.log" }]\n}`;
}

function ntp(inner: string): string {
  return `{\n  "ntp": { ${inner} },\n  "rules": [{ "file": "a.log" }]\n}`;
}

function files(inner: string): string {
  return `{\n  "files": { ${inner} },\n  "rules": [{ "file": "a.log" }]\n}`;
}

function rule(inner: string): string {
  return `{\n  "rules": [\n    { "file": "a.log" },\n    ${inner}\n  ]\n}`;
}

function match(inner: string): string {
  return rule(`{ "match": { ${inner} }, "file": "b.log" }`);
}

const CASES: Readonly<Record<string, Case>> = {
  'an empty file': { code: 'CONFIG_SYNTAX', text: '^', key: '', what: /empty/, mend: /rules/ },
  'only a comment': {
    code: 'CONFIG_SYNTAX',
    text: '// nothing^',
    key: '',
    what: /value is expected/,
    mend: /object/,
  },
  'a missing comma': {
    code: 'CONFIG_SYNTAX',
    text: '{\n  "rules": []\n  ^"files": {}\n}',
    key: '',
    what: /comma is missing/,
    mend: /comma between/,
  },
  'a bare word': {
    code: 'CONFIG_SYNTAX',
    text: '{\n  ^rules: []\n}',
    key: '',
    what: /not JSON/,
    mend: /double quotes/,
  },
  'single quotes': {
    code: 'CONFIG_SYNTAX',
    text: "{ ^'rules': [] }",
    key: '',
    what: /not JSON/,
    mend: /double quotes/,
  },
  'a text without end': {
    code: 'CONFIG_SYNTAX',
    text: '{ "rules": [{ "file": ^"a.log }]\n}',
    key: '',
    what: /no closing quote/,
    mend: /Close it/,
  },
  'one backslash in a regular expression': {
    code: 'CONFIG_SYNTAX',
    text: '{ "rules": [{ "match": { "regex": ^"\\d+" }, "file": "a" }] }',
    key: '',
    what: /backslash/,
    mend: /twice/,
  },
  'a comment without end': {
    code: 'CONFIG_SYNTAX',
    text: '{}\n^/* x',
    key: '',
    what: /no end/,
    mend: /\*\//,
  },
  'a brace too many': {
    code: 'CONFIG_SYNTAX',
    text: '{ "rules": [] }^}',
    key: '',
    what: /ends before/,
    mend: /too many/,
  },
  'endless brackets': {
    code: 'CONFIG_SYNTAX',
    text: `${'['.repeat(64)}^${'['.repeat(100_000)}`,
    key: '',
    what: /nested/,
    mend: /deep/,
  },
  'a list instead of an object': {
    code: 'CONFIG_WRONG_TYPE',
    text: '^[]',
    key: '',
    what: /an object, not a list/,
    mend: /\{/,
  },

  'the same key twice': {
    code: 'CONFIG_DUPLICATE_KEY',
    text: '{\n  "rules": [{ "file": "a" }],\n  ^"rules": [{ "file": "b" }]\n}',
    key: 'rules',
    what: /"rules" stands twice; it already stands in line 2\./,
    mend: /Remove one/,
  },
  'a key of another letter case': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: match('^"fromHostIP": "10.0.0.1"'),
    key: 'rules[1].match.fromHostIP',
    what: /^"fromHostIP" is not a key of a rule's match\.$/,
    mend: /^Did you mean "fromHostIp"\? All keys: docs\/config\.md#match$/,
  },
  'two letters swapped': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: syslog('^"lisetn": []'),
    key: 'syslog.lisetn',
    what: /"syslog"/,
    mend: /"listen"/,
  },
  'a key that is like no other': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: files('^"colour": 3'),
    key: 'files.colour',
    what: /"colour" is not a key of "files"/,
    mend: /^All keys: docs\/config\.md#files$/,
  },
  'a key that is no plain word': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: syslog('^"a b": 3'),
    key: 'syslog["a b"]',
    what: /a b/,
    mend: /All keys/,
  },
  'the key __proto__': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: syslog('^"__proto__": {}'),
    key: 'syslog.__proto__',
    what: /__proto__/,
    mend: /All keys/,
  },
  'a key that is missing': {
    code: 'CONFIG_MISSING_KEY',
    text: rule('{ "file": ^{ "format": "json" } }'),
    key: 'rules[1].file',
    what: /no "path"/,
    mend: /Add "path": "/,
  },
  'a service of a later version': {
    code: 'CONFIG_NOT_YET',
    text: '{\n  ^"sources": [],\n  "rules": [{ "file": "a.log" }]\n}',
    key: 'sources',
    what: /does not have sources of time yet/,
    mend: /Remove "sources"/,
  },
  'a key of the agent': {
    code: 'CONFIG_CONFLICT',
    text: '{\n  ^"inputs": [],\n  "rules": [{ "file": "a.log" }]\n}',
    key: 'inputs',
    what: /"inputs" is a key of the agent \(agent\.json\), not of the server/,
    mend: /`belfry agent -c FILE`.*docs\/config-agent\.md/,
  },
  'watching connections, which the agent does': {
    code: 'CONFIG_CONFLICT',
    text: '{\n  ^"traffic": {},\n  "rules": [{ "file": "a.log" }]\n}',
    key: 'traffic',
    what: /is a key of the agent/,
    mend: /agent/,
  },
  'sources of time': {
    code: 'CONFIG_NOT_YET',
    text: ntp('^"sources": []'),
    key: 'ntp.sources',
    what: /does not have sources of time yet/,
    mend: /Remove "sources"/,
  },
  'an address to serve time on without its port': {
    code: 'CONFIG_BAD_ADDRESS',
    text: ntp('"listen": [^"0.0.0.0"]'),
    key: 'ntp.listen[0]',
    what: /names no port/,
    mend: /"0\.0\.0\.0:123"/,
  },
  'a transport where there is one only': {
    code: 'CONFIG_BAD_ADDRESS',
    text: ntp('"listen": [^"udp://0.0.0.0:123"]'),
    key: 'ntp.listen[0]',
    what: /an address and a port alone/,
    mend: /Write "0\.0\.0\.0:123"/,
  },
  'an address that serves time twice': {
    code: 'CONFIG_CONFLICT',
    text: ntp('"listen": ["[::]:123", ^"[::]:123"]'),
    key: 'ntp.listen[1]',
    what: /stands twice/,
    mend: /Remove/,
  },
  'a range that is allowed and denied': {
    code: 'CONFIG_CONFLICT',
    text: ntp('"allow": ["10.0.0.0/8"], "deny": [^"10.0.0.0/8"]'),
    key: 'ntp.deny[0]',
    what: /both allowed and denied/,
    mend: /Remove it from one/,
  },
  'a stratum that no server has': {
    code: 'CONFIG_BAD_VALUE',
    text: ntp('"local": { "stratum": ^16 }'),
    key: 'ntp.local.stratum',
    what: /16/,
    mend: /15/,
  },
  'a listener with TLS and no certificate': {
    code: 'CONFIG_MISSING_KEY',
    text: syslog('"listen": ["udp://0.0.0.0:514", ^"tls://0.0.0.0:6514", "relps://0.0.0.0:2514"]'),
    key: 'syslog.listen[1]',
    what: /there is no "syslog\.tls"/,
    mend: /"tls": \{ "cert": "server\.pem", "key": "server\.key" \}/,
  },
  'a certificate without its key': {
    code: 'CONFIG_MISSING_KEY',
    text: syslog('"listen": ["tls://0.0.0.0"], "tls": ^{ "cert": "a.pem" }'),
    key: 'syslog.tls',
    what: /"tls" has no "key"/,
    mend: /Add "key": "server\.key"/,
  },
  'certificates of senders without who signs them': {
    code: 'CONFIG_CONFLICT',
    text: syslog('"listen": ["tls://[::]"], "tls": { "cert": "a", "key": "b", "requireClientCert": ^true }'),
    key: 'syslog.tls.requireClientCert',
    what: /nobody is named who may sign/,
    mend: /"ca"/,
  },
  'a version of TLS that is too old': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"listen": ["tls://[::]"], "tls": { "cert": "a", "key": "b", "minVersion": ^"TLSv1.1" }'),
    key: 'syslog.tls.minVersion',
    what: /cannot be "TLSv1\.1"/,
    mend: /"TLSv1\.2"/,
  },
  'two listeners on one port of TCP': {
    code: 'CONFIG_CONFLICT',
    text: syslog('"listen": ["udp://0.0.0.0:2514", "tcp://0.0.0.0:2514", ^"relp://0.0.0.0"]'),
    key: 'syslog.listen[2]',
    what: /"tcp:\/\/0\.0\.0\.0:2514" and "relp:\/\/0\.0\.0\.0" are both tcp port 2514 of 0\.0\.0\.0/,
    mend: /another port/,
  },
  'a balancer by its name': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"proxyProtocol": [^"haproxy"]'),
    key: 'syslog.proxyProtocol[0]',
    what: /"haproxy" is not an IP address/,
    mend: /Names are never looked up/,
  },
  'a handshake that may last for ever': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"handshakeTimeout": ^"0s"'),
    key: 'syslog.handshakeTimeout',
    what: /too small/,
    mend: /at least 100ms/,
  },
  'a name of a certificate that is no pattern': {
    code: 'CONFIG_BAD_VALUE',
    text: match('"certName": ^"web-[9-0]"'),
    key: 'rules[1].match.certName',
    what: /backwards/,
    mend: /"0-9"/,
  },

  'text for a number': {
    code: 'CONFIG_WRONG_TYPE',
    text: syslog('"lanes": ^"2"'),
    key: 'syslog.lanes',
    what: /^"lanes" must be a whole number, not text\.$/,
    mend: /^Write it as 1\.$/,
  },
  'a fraction for a whole number': {
    code: 'CONFIG_WRONG_TYPE',
    text: syslog('"lanes": ^1.5'),
    key: 'syslog.lanes',
    what: /whole number/,
    mend: /1/,
  },
  'a number for a mode': {
    code: 'CONFIG_WRONG_TYPE',
    text: files('"mode": ^640'),
    key: 'files.mode',
    what: /an octal mode in quotes, not the number 640/,
    mend: /"0640"/,
  },
  'a text for a list': {
    code: 'CONFIG_WRONG_TYPE',
    text: syslog('"listen": ^"udp://0.0.0.0:514"'),
    key: 'syslog.listen',
    what: /a list, not text/,
    mend: /\["udp:\/\/0\.0\.0\.0:514"\]/,
  },
  null: {
    code: 'CONFIG_WRONG_TYPE',
    text: files('"root": ^null'),
    key: 'files.root',
    what: /not null/,
    mend: /belfry/,
  },
  'a rule that is text': {
    code: 'CONFIG_WRONG_TYPE',
    text: rule('^"b.log"'),
    key: 'rules[1]',
    what: /an object/,
    mend: /Write/,
  },
  'rotation that is true': {
    code: 'CONFIG_WRONG_TYPE',
    text: files('"rotate": ^true'),
    key: 'files.rotate',
    what: /an object or false, not true/,
    mend: /"size"/,
  },
  'a wrong entry of a list': {
    code: 'CONFIG_WRONG_TYPE',
    text: match('"host": ["a", ^7]'),
    key: 'rules[1].match.host[1]',
    what: /Entry 2 of "host" must be a pattern in quotes, not the number 7/,
    mend: /Write/,
  },

  'a number for a word': {
    code: 'CONFIG_WRONG_TYPE',
    text: files('"format": ^7'),
    key: 'files.format',
    what: /text, not the number 7/,
    mend: /"traditional"/,
  },

  'a format that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: files('"format": ^"Jsonn"'),
    key: 'files.format',
    what: /cannot be "Jsonn"/,
    mend: /^Did you mean "json"\? It is one of "traditional", "iso"/,
  },
  'a number that is too small': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"lanes": ^0'),
    key: 'syslog.lanes',
    what: /too small/,
    mend: /at least 1/,
  },
  'a number that is too large': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"lanes": ^65'),
    key: 'syslog.lanes',
    what: /too large/,
    mend: /at most 64/,
  },
  'a size that is none': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"maxMessageSize": ^"64 kilos"'),
    key: 'syslog.maxMessageSize',
    what: /"64 kilos" is not a size/,
    mend: /"64KiB"/,
  },
  'a size that is too small': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"maxMessageSize": ^"479"'),
    key: 'syslog.maxMessageSize',
    what: /too small/,
    mend: /480 B/,
  },
  'a size that is too large': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"maxMessageSize": ^"2MiB"'),
    key: 'syslog.maxMessageSize',
    what: /too large/,
    mend: /1MiB/,
  },
  'a span without unit': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"idleTimeout": ^"30"'),
    key: 'syslog.idleTimeout',
    what: /"30" is not a span of time/,
    mend: /"30s"/,
  },
  'an empty list': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"allow": ^[]'),
    key: 'syslog.allow',
    what: /empty list/,
    mend: /leave out/,
  },
  'an empty text': {
    code: 'CONFIG_BAD_VALUE',
    text: match('"contains": ^""'),
    key: 'rules[1].match.contains',
    what: /empty/,
    mend: /Failed password/,
  },
  'a mode that is none': {
    code: 'CONFIG_BAD_VALUE',
    text: files('"mode": ^"rw-r-----"'),
    key: 'files.mode',
    what: /not a mode/,
    mend: /0640/,
  },
  'a mode that locks ourselves out': {
    code: 'CONFIG_BAD_VALUE',
    text: files('"mode": ^"0440"'),
    key: 'files.mode',
    what: /owner could not write/,
    mend: /0640/,
  },
  'a directory mode without x': {
    code: 'CONFIG_BAD_VALUE',
    text: files('"directoryMode": ^"0640"'),
    key: 'files.directoryMode',
    what: /owner/,
    mend: /0750/,
  },
  'a user who does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: files('"owner": ^"rooot"'),
    key: 'files.owner',
    what: /no user "rooot"/,
    mend: /"root"/,
  },
  'a group that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: files('"group": ^"rooot"'),
    key: 'files.group',
    what: /no group "rooot"/,
    mend: /"root"/,
  },
  'a zone that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"timeZone": ^"Europe/Berln"'),
    key: 'syslog.timeZone',
    what: /not a time zone/,
    mend: /Did you mean "Europe\/Berlin"/,
  },
  'a zone of one sender': {
    code: 'CONFIG_BAD_VALUE',
    text: syslog('"timeZone": { "10.0.0.0/8": ^"+25:00" }'),
    key: 'syslog.timeZone["10.0.0.0/8"]',
    what: /\+25:00/,
    mend: /\+02:00/,
  },
  'a sender that is none': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"timeZone": { ^"Default": "local" }'),
    key: 'syslog.timeZone.Default',
    what: /not a sender/,
    mend: /Did you mean "default"/,
  },
  'a set that runs backwards': {
    code: 'CONFIG_BAD_VALUE',
    text: match('"host": ^"web[9-0]"'),
    key: 'rules[1].match.host',
    what: /backwards/,
    mend: /"0-9"/,
  },
  'a control character': {
    code: 'CONFIG_BAD_VALUE',
    text: match('"program": ^"a\\u0007"'),
    key: 'rules[1].match.program',
    what: /control/,
    mend: /Remove/,
  },
  'a path of a socket that is too long': {
    code: 'CONFIG_BAD_VALUE',
    text: `{\n  "control": { "socket": ^"/run/${'x'.repeat(110)}" },\n  "rules": [{ "file": "a.log" }]\n}`,
    key: 'control.socket',
    what: /107/,
    mend: /shorter/,
  },
  'an include with a pattern for directories': {
    code: 'CONFIG_BAD_VALUE',
    text: '{ "include": [^"*/rules.json"], "rules": [{ "file": "a.log" }] }',
    key: 'include[0]',
    what: /last part only/,
    mend: /conf\.d/,
  },

  'a name for an address': {
    code: 'CONFIG_BAD_ADDRESS',
    text: match('"fromHostIp": ^"web1"'),
    key: 'rules[1].match.fromHostIp',
    what: /not an IP address/,
    mend: /never looked up/,
  },
  'bits behind the range': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"allow": ["127.0.0.1", ^"172.31.100.0/20"]'),
    key: 'syslog.allow[1]',
    what: /first 20/,
    mend: /"172\.31\.96\.0\/20", or the one address "172\.31\.100\.0"/,
  },
  'bits behind an IPv6 range': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"allow": [^"fd00::1/8"]'),
    key: 'syslog.allow[0]',
    what: /first 8/,
    mend: /"fd00::\/8"/,
  },
  'more bits than there are': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"allow": [^"10.0.0.0/33"]'),
    key: 'syslog.allow[0]',
    what: /not a CIDR/,
    mend: /0 to 32/,
  },
  'a number above 255': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"allow": [^"10.0.0.256"]'),
    key: 'syslog.allow[0]',
    what: /10\.0\.0\.256/,
    mend: /0 to 255/,
  },
  'an address without transport': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"0.0.0.0:514"]'),
    key: 'syslog.listen[0]',
    what: /no transport/,
    mend: /"udp:\/\/0\.0\.0\.0:514" or "tcp/,
  },
  'a transport that does not exist': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"upd://0.0.0.0:514"]'),
    key: 'syslog.listen[0]',
    what: /"upd"/,
    mend: /"udp"/,
  },
  'IPv6 without brackets': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"tcp://::1:514"]'),
    key: 'syslog.listen[0]',
    what: /brackets/,
    mend: /\[::\]/,
  },
  'a port that is missing': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"udp://0.0.0.0:"]'),
    key: 'syslog.listen[0]',
    what: /no port/,
    mend: /514/,
  },
  'a port that is too large': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"udp://0.0.0.0:70000"]'),
    key: 'syslog.listen[0]',
    what: /70000/,
    mend: /65535/,
  },
  'every address as a star': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"udp://*:514"]'),
    key: 'syslog.listen[0]',
    what: /no address/,
    mend: /0\.0\.0\.0/,
  },
  'an interface': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"udp://[fe80::1%eth0]:514"]'),
    key: 'syslog.listen[0]',
    what: /interface/,
    mend: /allow/,
  },
  'a host name to listen on': {
    code: 'CONFIG_BAD_ADDRESS',
    text: syslog('"listen": [^"udp://tower:514"]'),
    key: 'syslog.listen[0]',
    what: /"tower"/,
    mend: /never looked up/,
  },
  'HTTP with its scheme': {
    code: 'CONFIG_BAD_ADDRESS',
    text: '{\n  "http": { "listen": ^"http://127.0.0.1:8514" },\n  "rules": [{ "file": "a.log" }]\n}',
    key: 'http.listen',
    what: /alone/,
    mend: /Write "127\.0\.0\.1:8514"/,
  },

  'a word that does not exist': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": ^"{fromHostIP}.log" }'),
    key: 'rules[1].file',
    what: /"\{fromHostIP\}" is not a word/,
    mend: /Did you mean "\{fromHostIp\}"\? All words: \{host\} \{fromHostIp\}/,
  },
  'a brace that is not closed': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": { "path": ^"{host.log" } }'),
    key: 'rules[1].file.path',
    what: /never closed/,
    mend: /\{host\}/,
  },
  'a brace that was not opened': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": ^"host}.log" }'),
    key: 'rules[1].file',
    what: /never opened/,
    mend: /\{host\}/,
  },
  'a root that the message would choose': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": ^"/{host}/a.log" }'),
    key: 'rules[1].file',
    what: /chosen by the message/,
    mend: /leave out the first/,
  },
  'two dots': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": ^"../{host}.log" }'),
    key: 'rules[1].file',
    what: /"\.\."/,
    mend: /Write out/,
  },
  'a path that is a directory': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": ^"{host}/" }'),
    key: 'rules[1].file',
    what: /names no file/,
    mend: /\{program\}\.log/,
  },
  'an empty path': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule('{ "file": ^"" }'),
    key: 'rules[1].file',
    what: /names no file/,
    mend: /Add/,
  },
  'a part that is too long': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: rule(`{ "file": ^"${'x'.repeat(256)}" }`),
    key: 'rules[1].file',
    what: /too long/,
    mend: /Shorten/,
  },
  'a word in the root': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: files('"root": ^"/var/log/{host}"'),
    key: 'files.root',
    what: /brace/,
    mend: /"file" of a rule/,
  },

  'an expression that does not compile': {
    code: 'CONFIG_BAD_REGEX',
    text: match('"regex": ["a", ^"(b"]'),
    key: 'rules[1].match.regex[1]',
    what: /"\(b" does not compile: Unterminated group\.$/,
    mend: /"contains"/,
  },
  'an expression that is empty': {
    code: 'CONFIG_BAD_REGEX',
    text: match('"regex": ^"(?i)"'),
    key: 'rules[1].match.regex',
    what: /empty/,
    mend: /Leave out/,
  },
  'a selector that is none': {
    code: 'CONFIG_BAD_SELECTOR',
    text: match('"select": ^"auht.*"'),
    key: 'rules[1].match.select',
    what: /auht/,
    mend: /auth/,
  },

  'a rule that does nothing': {
    code: 'CONFIG_IDLE_RULE',
    text: rule('^{ "match": { "host": "a" } }'),
    key: 'rules[1]',
    what: /"rules\[1\]" does nothing/,
    mend: /"discard": true/,
  },
  'a rule that writes and discards': {
    code: 'CONFIG_CONFLICT',
    text: rule('^{ "match": { "host": "a" }, "file": "b.log", "discard": true }'),
    key: 'rules[1]',
    what: /writes to a file and discards/,
    mend: /Remove one/,
  },
  'a rule behind the end': {
    code: 'CONFIG_UNREACHABLE_RULE',
    text: '{ "rules": [\n  { "name": "all", "file": "a.log", "stop": true },\n  ^{ "name": "late", "file": "b.log" }\n] }',
    key: 'rules[1]',
    what: /"late" can never run: the rule "all"/,
    mend: /Move it before "all".*line 2, column 37: rules\[0\]\.stop/,
  },
  'rules behind a discard of everything': {
    code: 'CONFIG_UNREACHABLE_RULE',
    text: '{ "rules": [\n  { "match": {}, "discard": true },\n  ^{ "file": "b.log" }, { "file": "c.log" }, { "file": "d.log" }\n] }',
    key: 'rules[1]',
    what: /nor can the 2 rules after it/,
    mend: /"discard"/,
  },
  'two rules of one name': {
    code: 'CONFIG_CONFLICT',
    text: '{ "rules": [\n  { "name": "x", "file": "a.log" },\n  { "name": ^"x", "file": "b.log" }\n] }',
    key: 'rules[1].name',
    what: /line 2, column 13: rules\[0\]\.name/,
    mend: /name of its own/,
  },
  'one file in two formats': {
    code: 'CONFIG_CONFLICT',
    text: '{ "rules": [\n  { "name": "x", "file": "a.log" },\n  { "name": "y", "file": ^{ "path": "./a.log", "format": "json" } }\n] }',
    key: 'rules[1].file',
    what: /"x" and "y" write .*\/a\.log with a different format/,
    mend: /the same format/,
  },
  'an address twice': {
    code: 'CONFIG_CONFLICT',
    text: syslog('"listen": ["udp://0.0.0.0:514", ^"udp://0.0.0.0:514"]'),
    key: 'syslog.listen[1]',
    what: /stands twice/,
    mend: /lanes/,
  },
  'no rules': {
    code: 'CONFIG_NO_RULES',
    text: '^{\n}',
    key: 'rules',
    what: /go nowhere/,
    mend: /"everything"/,
  },
  'an empty list of rules': {
    code: 'CONFIG_NO_RULES',
    text: '{\n  "rules": ^[]\n}',
    key: 'rules',
    what: /go nowhere/,
    mend: /"rules"/,
  },
  'an included file that is not there': {
    code: 'CONFIG_NOT_FOUND',
    text: '{ "include": [^"more.json"], "rules": [{ "file": "a.log" }] }',
    key: 'include[0]',
    what: /no file .*\/more\.json/,
    mend: /Make it/,
  },
  'a file that includes itself': {
    code: 'CONFIG_CONFLICT',
    text: '{ "include": [^"*.json"], "rules": [{ "file": "a.log" }] }',
    key: 'include[0]',
    what: /includes itself/,
    mend: /conf\.d/,
  },
};

for (const [name, { code, text, key, what, mend }] of Object.entries(CASES)) {
  test(`${name} is ${code}`, (t) => {
    const { config, faults } = loadText(t, text);
    assert.equal(config, undefined);
    assert.deepEqual(
      faults.map((fault) => fault.code),
      [code],
    );
    const [fault] = faults;
    assert.match(fault?.text.what ?? '', what);
    assert.match(fault?.text.mend ?? '', mend);
    const { line, column } = markPosition(text);
    assert.deepEqual({ line: fault?.text.place?.line, column: fault?.text.place?.column }, { line, column });
    assert.equal(fault?.text.place?.key, key);
    assert.match(fault?.text.where ?? '', new RegExp(`/server\\.json, line ${line}, column ${column}`));
    assert.equal(fault?.exit, 78);
  });
}

test('what and mend are whole sentences', (t) => {
  for (const { text } of Object.values(CASES)) {
    for (const { text: said } of loadText(t, text).faults) {
      assert.match(said.what, /^["A-Z/\d].*\.$/s);
      assert.match(said.mend ?? '', /^["A-Z].*\S$/s);
    }
  }
});

test('every fault of a configuration has a case', () => {
  const elsewhere: readonly FaultCode[] = [
    'CONFIG_NOT_READABLE',
    'CONFIG_FILE_NOT_WRITABLE',
    'CONFIG_BAD_CERTIFICATE',
    'CONFIG_NO_DESTINATION',
    'CONFIG_BAD_FILTER',
    'CONFIG_NOTE',
  ];
  const seen = new Set([...Object.values(CASES).map(({ code }) => code), ...elsewhere]);
  const missing = Object.keys(FAULTS).filter(
    (code) => code.startsWith('CONFIG_') && !seen.has(code as FaultCode),
  );
  assert.deepEqual(missing, []);
});

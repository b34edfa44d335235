// Every kind of fault of agent.json: its code, its line and column (where the mark ^ stands), its key path, and that
// it says how to mend it.

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FaultCode } from '../../../base/fault.ts';
import { loadAgent, loadAgentText, makeFiles, markPosition, removeMark } from './marked.ts';

interface Case {
  readonly code: FaultCode;
  readonly text: string;
  readonly key: string;
  readonly what: RegExp;
  readonly mend: RegExp;
}

const TO = '{ "to": "relp://10.0.0.1:2514" }';

/** Inputs beside a destination that is good. */
function inputs(...list: readonly string[]): string {
  return `{\n  "inputs": [\n    ${list.join(',\n    ')}\n  ],\n  "destinations": [${TO}]\n}`;
}

function destinations(...list: readonly string[]): string {
  return `{\n  "inputs": [{ "type": "journald" }],\n  "destinations": [\n    ${list.join(',\n    ')}\n  ]\n}`;
}

function destination(inner: string, to = 'relp://10.0.0.1'): string {
  return destinations(`{ "to": "${to}", ${inner} }`);
}

const CASES: Readonly<Record<string, Case>> = {
  'an empty file': { code: 'CONFIG_SYNTAX', text: '^', key: '', what: /empty/, mend: /"inputs"/ },
  'an input of no type': {
    code: 'CONFIG_MISSING_KEY',
    text: inputs('^{ "path": "/a.log" }'),
    key: 'inputs[0]',
    what: /^An input has no "type"\.$/,
    mend: /Add "type": "journald"/,
  },
  'an input of a type that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": ^"jurnald" }'),
    key: 'inputs[0].type',
    what: /"type" cannot be "jurnald"/,
    mend: /Did you mean "journald"\? It is one of "journald", "file", "devlog", "listen", "stdin"\./,
  },
  'a type that is a number': {
    code: 'CONFIG_WRONG_TYPE',
    text: inputs('{ "type": ^7 }'),
    key: 'inputs[0].type',
    what: /"type" must be text, not the number 7/,
    mend: /"journald"/,
  },
  'an input that is text': {
    code: 'CONFIG_WRONG_TYPE',
    text: inputs('^"journald"'),
    key: 'inputs[0]',
    what: /must be an object, not text/,
    mend: /Write it as/,
  },
  'a key of another input': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: inputs('{ "type": "journald", ^"path": "/var/log" }'),
    key: 'inputs[0].path',
    what: /"path" is not a key of a journald input/,
    mend: /docs\/config-agent\.md#journald-input/,
  },
  'a key of the server': {
    code: 'CONFIG_CONFLICT',
    text: `{ "destinations": [${TO}], ^"syslog": {} }`,
    key: 'syslog',
    what: /is a key of the server \(server\.json\), not of the agent/,
    mend: /docs\/config\.md/,
  },
  'the clock, which is still to come': {
    code: 'CONFIG_NOT_YET',
    text: `{ ^"time": {}, "destinations": [${TO}] }`,
    key: 'time',
    what: /does not have keeping the clock yet/,
    mend: /docs\/config-agent\.md#top-level/,
  },
  'an event that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: `{ "traffic": { "events": ["reset", ^"no-anser"] }, "destinations": [${TO}] }`,
    key: 'traffic.events[1]',
    what: /Entry 2 of "events" cannot be "no-anser"/,
    mend: /Did you mean "no-answer"\?/,
  },
  'a filter with a mistake in it': {
    code: 'CONFIG_BAD_FILTER',
    text: `{ "traffic": { "filter": "tcp and ^prt 2525" }, "destinations": [${TO}] }`,
    key: 'traffic.filter',
    what: /The filter "tcp and prt 2525", at its character 9: .*prt/,
    mend: /port/,
  },
  'a mistake behind an escape in a filter': {
    code: 'CONFIG_BAD_FILTER',
    text: `{ "traffic": { "filter": "tc\\u0070 \\t and ^prt 2525" }, "destinations": [${TO}] }`,
    key: 'traffic.filter',
    what: /at its character 11/,
    mend: /port/,
  },
  'a filter that ends too early': {
    code: 'CONFIG_BAD_FILTER',
    text: `{ "traffic": { "filter": "port^" }, "destinations": [${TO}] }`,
    key: 'traffic.filter',
    what: /at its character 5/,
    mend: /./,
  },
  'an empty filter': {
    code: 'CONFIG_BAD_FILTER',
    text: `{ "traffic": { "filter": ^" " }, "destinations": [${TO}] }`,
    key: 'traffic.filter',
    what: /The filter is empty/,
    mend: /Leave out "filter"/,
  },
  'an interface that no kernel takes': {
    code: 'CONFIG_BAD_VALUE',
    text: `{ "traffic": { "interfaces": ["eth0", ^"a/b"] }, "destinations": [${TO}] }`,
    key: 'traffic.interfaces[1]',
    what: /"a\/b" is not the name of an interface/,
    mend: /ip link/,
  },
  'any beside other interfaces': {
    code: 'CONFIG_CONFLICT',
    text: `{ "traffic": { "interfaces": ["eth0", ^"any"] }, "destinations": [${TO}] }`,
    key: 'traffic.interfaces[1]',
    what: /"any" stands beside other interfaces/,
    mend: /Leave "any" alone/,
  },
  'connections of which nobody hears': {
    code: 'CONFIG_NO_DESTINATION',
    text: '{ ^"traffic": {} }',
    key: 'traffic',
    what: /no destination and no log/,
    mend: /"log"/,
  },
  'one client with more than all': {
    code: 'CONFIG_CONFLICT',
    text: `{ "traffic": { "rateLimit": ^{ "burst": 10, "clientBurst": 11 } }, "destinations": [${TO}] }`,
    key: 'traffic.rateLimit',
    what: /One client may have more \("clientBurst": 11\)/,
    mend: /"clientBurst": 10, "burst": 10/,
  },
  'a rate that is on': {
    code: 'CONFIG_WRONG_TYPE',
    text: `{ "traffic": { "rateLimit": ^true }, "destinations": [${TO}] }`,
    key: 'traffic.rateLimit',
    what: /"rateLimit"/,
    mend: /perSecond/,
  },
  'a field of a record that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: `{ "traffic": { "recordFields": [^"srcadr"] }, "destinations": [${TO}] }`,
    key: 'traffic.recordFields[0]',
    what: /cannot be "srcadr"/,
    mend: /Did you mean "srcaddr"/,
  },
  'a silence that is too short': {
    code: 'CONFIG_BAD_VALUE',
    text: `{ "traffic": { "timeouts": { "silent": ^"10ms" } }, "destinations": [${TO}] }`,
    key: 'traffic.timeouts.silent',
    what: /too small/,
    mend: /at least 1s/,
  },
  'a key of traffic that does not exist': {
    code: 'CONFIG_UNKNOWN_KEY',
    text: `{ "traffic": { ^"interface": "eth0" }, "destinations": [${TO}] }`,
    key: 'traffic.interface',
    what: /"interface" is not a key of "traffic"/,
    mend: /Did you mean "interfaces"/,
  },
  'a file input without files': {
    code: 'CONFIG_MISSING_KEY',
    text: inputs('^{ "type": "file" }'),
    key: 'inputs[0]',
    what: /A file input has no "path"/,
    mend: /Add "path": "\/var\/log\/nginx/,
  },
  'a directory for a file': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "file", "path": ^"/var/log/" }'),
    key: 'inputs[0].path',
    what: /is a directory/,
    mend: /"\/var\/log\/\*\.log"/,
  },
  'two stars within a name': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "file", "path": ["/a.log", ^"/var/log/a**.log"] }'),
    key: 'inputs[0].path[1]',
    what: /"\*\*" in "a\*\*\.log" does not stand alone/,
    mend: /\*\*\/\*\.log/,
  },
  'up again behind a pattern': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "file", "path": ^"/var/*/../a.log" }'),
    key: 'inputs[0].path',
    what: /goes up again/,
    mend: /Write out/,
  },
  'a range that runs backwards': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "file", "path": "/a", "exclude": [^"/[z-a].log"] }'),
    key: 'inputs[0].exclude[0]',
    what: /backwards/,
    mend: /"a-z"/,
  },
  'braces in a pattern': {
    code: 'CONFIG_BAD_TEMPLATE',
    text: inputs('{ "type": "file", "path": ^"/var/log/{a,b}.log" }'),
    key: 'inputs[0].path',
    what: /brace/,
    mend: /only/,
  },
  'a facility that does not exist': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "stdin", "facility": ^"local8" }'),
    key: 'inputs[0].facility',
    what: /cannot be "local8"/,
    mend: /Did you mean "local/,
  },
  'a program with a blank': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "stdin", "program": ^"my program" }'),
    key: 'inputs[0].program',
    what: /cannot be the program/,
    mend: /without blanks/,
  },
  'a match that is an option of journalctl': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs('{ "type": "journald", "matches": ["_PID=1", ^"--flush"] }'),
    key: 'inputs[0].matches[1]',
    what: /"--flush" is not a match/,
    mend: /FIELD=value/,
  },
  'a "+" between nothing': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "journald", "matches": ["A=1", "+", "B=2", ^"+"] }'),
    key: 'inputs[0].matches[3]',
    what: /does not stand between two groups/,
    mend: /both of its sides/,
  },
  'a "+" before everything': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "journald", "matches": [^"+", "B=2"] }'),
    key: 'inputs[0].matches[0]',
    what: /two groups/,
    mend: /Remove it/,
  },
  'two "+" at once': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "journald", "matches": ["A=1", ^"+", "+", "B=2"] }'),
    key: 'inputs[0].matches[1]',
    what: /two groups/,
    mend: /Remove it/,
  },
  'a path of a socket that is too long': {
    code: 'CONFIG_BAD_VALUE',
    text: inputs(`{ "type": "devlog", "path": ^"/run/${'x'.repeat(103)}" }`),
    key: 'inputs[0].path',
    what: /has 108 bytes; Linux takes at most 107/,
    mend: /shorter/,
  },
  'a control socket whose path is too long': {
    code: 'CONFIG_BAD_VALUE',
    text: `{ "inputs": [], "control": { "socket": ^"/run/${'x'.repeat(103)}" } }`,
    key: 'control.socket',
    what: /108 bytes/,
    mend: /shorter/,
  },
  'a listener for RELP': {
    code: 'CONFIG_BAD_ADDRESS',
    text: inputs('{ "type": "listen", "listen": ^"relp://127.0.0.1:2514" }'),
    key: 'inputs[0].listen',
    what: /an agent receives by udp and tcp alone/,
    mend: /belfry serve/,
  },
  'a listener by its name': {
    code: 'CONFIG_BAD_ADDRESS',
    text: inputs('{ "type": "listen", "listen": ^"udp://localhost:514" }'),
    key: 'inputs[0].listen',
    what: /"localhost" in/,
    mend: /Names are never looked up/,
  },

  'inputs that lead nowhere': {
    code: 'CONFIG_NO_DESTINATION',
    text: '{\n  ^"inputs": [{ "type": "journald" }]\n}',
    key: 'inputs',
    what: /no destination/,
    mend: /"destinations": \[/,
  },
  'two inputs of one name': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "name": "a", "type": "stdin" }', '{ "name": ^"a", "type": "journald" }'),
    key: 'inputs[1].name',
    what: /Two inputs have the name "a"; the first stands in .*line 3, column 5/,
    mend: /of its own/,
  },
  'a name that another has by default': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "name": "file", "type": "stdin" }', '^{ "type": "file", "path": "/a" }'),
    key: 'inputs[1]',
    what: /have the name "file" \(this one by default\)/,
    mend: /"name"/,
  },
  'two inputs on one port': {
    code: 'CONFIG_CONFLICT',
    text: inputs(
      '{ "type": "listen", "listen": "udp://127.0.0.1" }',
      '{ "type": "listen", "listen": ["tcp://127.0.0.1:514", ^"udp://127.0.0.1:514"] }',
    ),
    key: 'inputs[1].listen[1]',
    what: /Two inputs read udp port 514 of 127\.0\.0\.1/,
    mend: /Remove one/,
  },
  'one address twice in one input': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "listen", "listen": ["tcp://[::1]:5", ^"tcp://[::1]:5"] }'),
    key: 'inputs[0].listen[1]',
    what: /tcp port 5 of \[::1\]/,
    mend: /Remove one/,
  },
  'two inputs for one file': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "file", "path": "/var/a.log" }', '{ "type": "file", "path": ^"/var//./a.log" }'),
    key: 'inputs[1].path',
    what: /Two inputs read \/var\/a\.log/,
    mend: /Remove one/,
  },
  'two inputs for one socket': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "devlog", "path": "/dev/log" }', '{ "type": "devlog", "path": ^"/dev/log" }'),
    key: 'inputs[1].path',
    what: /the socket \/dev\/log/,
    mend: /Remove one/,
  },
  'the journal twice': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "journald" }', '^{ "type": "journald", "name": "again" }'),
    key: 'inputs[1]',
    what: /the whole journal/,
    mend: /Remove one/,
  },
  'standard input twice': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "stdin" }', '^{ "type": "stdin" }'),
    key: 'inputs[1]',
    what: /standard input/,
    mend: /Remove one/,
  },

  'a destination without an address': {
    code: 'CONFIG_MISSING_KEY',
    text: destinations('^{ "name": "a" }'),
    key: 'destinations[0]',
    what: /A destination has no "to"/,
    mend: /Add "to": "relp:\/\//,
  },
  'an address without a scheme': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"logs.example.org:2514" }'),
    key: 'destinations[0].to',
    what: /names no transport/,
    mend: /Write "relp:\/\/logs\.example\.org:2514"/,
  },
  "rsyslog's TCP": {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"@@172.31.100.94:514" }'),
    key: 'destinations[0].to',
    what: /names no transport/,
    mend: /"tcp:\/\/172\.31\.100\.94:514", or better "relp:\/\/172\.31\.100\.94:2514"/,
  },
  "rsyslog's UDP": {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"@logs" }'),
    key: 'destinations[0].to',
    what: /names no transport/,
    mend: /Write "udp:\/\/logs"/,
  },
  'a scheme that does not exist': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"rlep://logs" }'),
    key: 'destinations[0].to',
    what: /"rlep" is not a transport/,
    mend: /Did you mean "relp"/,
  },
  'an address with a path': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"relp://logs:2514/" }'),
    key: 'destinations[0].to',
    what: /goes on behind the port/,
    mend: /"relp:\/\/logs:2514"/,
  },
  'an address without a host': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"relp://:2514" }'),
    key: 'destinations[0].to',
    what: /names no host/,
    mend: /relp:\/\/172/,
  },
  'an address that is neither a name nor an address': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"relp://10.0.0.256:2514" }'),
    key: 'destinations[0].to',
    what: /names no host/,
    mend: /name or an address/,
  },
  'an IPv6 address without brackets': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"tls://fd00::1" }'),
    key: 'destinations[0].to',
    what: /brackets/,
    mend: /"tls:\/\/\[fd00::1\]:6514"/,
  },
  'port 0': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ["relp://a", ^"relp://b:0"] }'),
    key: 'destinations[0].to[1]',
    what: /"0" in .* is not a port/,
    mend: /1 to 65535/,
  },
  'a port too many': {
    code: 'CONFIG_BAD_ADDRESS',
    text: destinations('{ "to": ^"tcp://b:65536" }'),
    key: 'destinations[0].to',
    what: /is not a port/,
    mend: /65535/,
  },
  'two schemes in one destination': {
    code: 'CONFIG_CONFLICT',
    text: destinations('{ "to": ["relp://a", "relp://b", ^"tcp://c"] }'),
    key: 'destinations[0].to[2]',
    what: /relp:\/\/ and tcp:\/\//,
    mend: /destination of its own/,
  },
  'one address twice': {
    code: 'CONFIG_CONFLICT',
    text: destinations('{ "to": ["relp://Logs", ^"relp://logs:2514"] }'),
    key: 'destinations[0].to[1]',
    what: /stands twice/,
    mend: /Remove/,
  },
  'TLS on a scheme without': {
    code: 'CONFIG_CONFLICT',
    text: destination('"tls": ^{ "ca": "ca.pem" }'),
    key: 'destinations[0].tls',
    what: /goes without it/,
    mend: /Write relps:\/\//,
  },
  'TLS on plain TCP': {
    code: 'CONFIG_CONFLICT',
    text: destination('"tls": ^{ "serverName": "logs" }', 'tcp://10.0.0.1'),
    key: 'destinations[0].tls',
    what: /goes without it/,
    mend: /Write tls:\/\//,
  },
  'a certificate without its key': {
    code: 'CONFIG_CONFLICT',
    text: destination('"tls": { "cert": ^"a.pem" }', 'tls://10.0.0.1'),
    key: 'destinations[0].tls.cert',
    what: /a "cert" and no "key"/,
    mend: /Add "key"/,
  },
  'a key without its certificate': {
    code: 'CONFIG_CONFLICT',
    text: destination('"tls": { "key": ^"a.key" }', 'tls://10.0.0.1'),
    key: 'destinations[0].tls.key',
    what: /a "key" and no "cert"/,
    mend: /Add "cert"/,
  },
  'a name that would leave the directory of queues': {
    code: 'CONFIG_BAD_VALUE',
    text: destination('"name": ^"../up"'),
    key: 'destinations[0].name',
    what: /cannot be the name/,
    mend: /names a directory/,
  },
  'two destinations of one name': {
    code: 'CONFIG_CONFLICT',
    text: destinations(
      '{ "name": "a", "to": "udp://x" }',
      '{ "name": ^"a", "to": "udp://y", "queue": { "directory": "/q" } }',
    ),
    key: 'destinations[1].name',
    what: /Two destinations have the name "a"/,
    mend: /"name" of its own/,
  },
  'two destinations of one name, and so of one queue': {
    code: 'CONFIG_CONFLICT',
    text: destinations('{ "to": "udp://x" }', '{ "name": ^"destination1", "to": "udp://y" }'),
    key: 'destinations[1].name',
    what: /Two destinations have the name "destination1"/,
    mend: /"name" of its own/,
  },
  'two destinations with one queue': {
    code: 'CONFIG_CONFLICT',
    text: destinations(
      '{ "to": "udp://x", "queue": { "directory": "/q/a" } }',
      '{ "to": "udp://y", "queue": { "directory": ^"/q/./a/" } }',
    ),
    key: 'destinations[1].queue.directory',
    what: /"destination1" and "destination2" have one queue directory: \/q\/a/,
    mend: /of its own/,
  },
  'a queue within another': {
    code: 'CONFIG_CONFLICT',
    text: destinations(
      '{ "name": "a", "to": "udp://x" }',
      '{ "to": "udp://y", "queue": { "directory": ^"/var/lib/belfry/queue" } }',
    ),
    key: 'destinations[1].queue.directory',
    what: /lies within another: \/var\/lib\/belfry\/queue \("destination2"\) and \/var\/lib\/belfry\/queue\/a/,
    mend: /of its own/,
  },
  'a queue around another': {
    code: 'CONFIG_CONFLICT',
    text: destinations(
      '{ "to": "udp://x", "queue": { "directory": "/q" } }',
      '{ "to": "udp://y", "queue": { "directory": ^"/q/records" } }',
    ),
    key: 'destinations[1].queue.directory',
    what: /One queue lies within another: \/q\/records \("destination2"\) and \/q \("destination1"\)/,
    mend: /of its own/,
  },
  'a queue that is too small': {
    code: 'CONFIG_BAD_VALUE',
    text: destination('"queue": { "maxDiskSpace": ^"1000KiB" }'),
    key: 'destinations[0].queue.maxDiskSpace',
    what: /too small/,
    mend: /at least 1MiB/,
  },
  'a queue that is too large': {
    code: 'CONFIG_BAD_VALUE',
    text: destination('"queue": { "maxDiskSpace": ^"2TiB" }'),
    key: 'destinations[0].queue.maxDiskSpace',
    what: /too large/,
    mend: /at most 1TiB/,
  },
  'a queue that does what no queue does': {
    code: 'CONFIG_BAD_VALUE',
    text: destination('"queue": { "onFull": ^"dropoldest" }'),
    key: 'destinations[0].queue.onFull',
    what: /cannot be "dropoldest"/,
    mend: /"dropOldest"/,
  },
  'waits that run backwards': {
    code: 'CONFIG_CONFLICT',
    text: destination('"retry": ^{ "min": "31s" }'),
    key: 'destinations[0].retry',
    what: /longer than the longest/,
    mend: /Swap/,
  },
  'a selector that names no facility': {
    code: 'CONFIG_BAD_SELECTOR',
    text: destination('"select": ["*.*", ^"mial.err"]'),
    key: 'destinations[0].select[1]',
    what: /mial/,
    mend: /mail/,
  },
  'a window of nothing': {
    code: 'CONFIG_BAD_VALUE',
    text: destination('"window": ^0'),
    key: 'destinations[0].window',
    what: /too small/,
    mend: /at least 1/,
  },
  'a pattern that reads the queue': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "file", "path": ["/srv/a.log", ^"/var/lib/**"] }'),
    key: 'inputs[0].path[1]',
    what: /Belfry's own queue below \/var\/lib\/belfry\/queue\/destination1/,
    mend: /"exclude": "\/var\/lib\/belfry\/queue\/destination1\/\*\*"/,
  },
  'a pattern that reads a directory of the queue': {
    code: 'CONFIG_CONFLICT',
    text: inputs('{ "type": "file", "path": ^"/var/*/belfry/q*/destination[0-9]/records/*" }'),
    key: 'inputs[0].path',
    what: /own queue/,
    mend: /Narrow/,
  },
};

for (const [title, { code, text, key, what, mend }] of Object.entries(CASES)) {
  test(`${title} is ${code}`, (t) => {
    const { config, faults } = loadAgentText(t, text);
    assert.equal(config, undefined);
    assert.deepEqual(
      faults.map((fault) => fault.code),
      [code],
      faults.map((fault) => fault.message).join('\n'),
    );
    const said = faults[0]?.text;
    assert.match(said?.what ?? '', what);
    assert.match(said?.mend ?? '', mend);
    const { line, column } = markPosition(text);
    assert.deepEqual([said?.place?.line, said?.place?.column, said?.place?.key], [line, column, key]);
    assert.ok(said?.where?.includes(`line ${line}, column ${column}`));
  });
}

test('all faults come at once, in the order of the file', (t) => {
  const text = `{
    "inputs": [{ "type": "file", "path": "/a/" }, { "type": "x" }],
    "destinations": [{ "to": "relp://a", "window": "many", "queue": { "sync": "2s" } }, { "name": "b" }],
    "colour": 1
  }`;
  const { faults } = loadAgentText(t, text);
  assert.deepEqual(
    faults.map((fault) => fault.text.place?.key),
    [
      'inputs[0].path',
      'inputs[1].type',
      'destinations[0].window',
      'destinations[0].queue.sync',
      'destinations[1]',
      'colour',
    ],
  );
});

test('a queue behind a symbolic link is found out', (t) => {
  const folder = makeFiles(t, {});
  mkdirSync(join(folder, 'data/queue'), { recursive: true });
  symlinkSync(join(folder, 'data'), join(folder, 'link'));
  const text = inputs('{ "type": "file", "path": ^"data/queue/**/*.log" }').replace(
    TO,
    '{ "to": "relp://a", "queue": { "directory": "link/queue/one" } }',
  );
  writeFileSync(join(folder, 'agent.json'), removeMark(text));
  const { faults } = loadAgent(join(folder, 'agent.json'));
  assert.deepEqual(
    faults.map((fault) => [fault.code, fault.text.place?.key]),
    [['CONFIG_CONFLICT', 'inputs[0].path']],
  );
});

test('directories that only begin alike, ports that the kernel chooses and waits of one length are let be', (t) => {
  const queues = destinations(
    '{ "to": "udp://x", "queue": { "directory": "/q/a" } }',
    '{ "to": "udp://y", "queue": { "directory": "/q/ab" } }',
  );
  assert.deepEqual(loadAgentText(t, queues).faults, []);
  const ports = inputs('{ "type": "listen", "listen": ["udp://127.0.0.1:0", "udp://127.0.0.1:0"] }');
  assert.deepEqual(loadAgentText(t, ports).faults, []);
  const waits = destination('"retry": { "min": "1s", "max": "1000ms" }');
  assert.deepEqual(loadAgentText(t, waits).faults, []);
});

test('patterns that go past the queue are let be', (t) => {
  for (const path of [
    '/var/log/*.log',
    '/var/lib/*.log',
    '/var/lib/belfry/queue',
    '/var/*/nginx/**',
    '/var/lib/belfry/queue/other/*',
    '/*/lib/.belfry/**',
    '/var/lib/belfry/queue/*/*',
    '/var/lib/belfry/queue/*/rec',
  ]) {
    const { faults } = loadAgentText(t, inputs(`{ "type": "file", "path": "${path}" }`));
    assert.deepEqual(faults, [], path);
  }
  const excluded = '{ "type": "file", "path": "/var/**", "exclude": ["/var/log/**", "/var/lib/belfry/**"] }';
  assert.deepEqual(loadAgentText(t, inputs(excluded)).faults, []);
});

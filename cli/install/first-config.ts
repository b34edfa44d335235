// The configuration that a fresh installation begins with: small, whole, and commented for whoever reads it next.

import { isIP } from 'node:net';
import { Fault } from '../../base/fault.ts';
import { checkTarget } from '../../config/target.ts';

/** Private and local ranges (RFC 1918, RFC 4193, RFC 4291): who may send is the first thing to narrow. */
const NEIGHBOURS = [
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
];

function list(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}

/** `withTime`: nobody else on this host serves it. */
export function firstServerConfig(withTime: boolean): string {
  const time = `
  // The time for every host. "local": also while nobody keeps this host's clock, so that all hosts agree.
  "ntp": {
    "allow": ${list(NEIGHBOURS)},
    "local": { "stratum": 10 }
  },
`;
  return `// Belfry's server. Made by \`belfry install server\`, and yours from now on: it is never overwritten.
// After a change: belfry check -c /etc/belfry/server.json && systemctl reload belfry
{
  "syslog": {
    "listen": ["udp://0.0.0.0:514", "tcp://0.0.0.0:514", "relp://0.0.0.0:2514"],
    // Who may send; others are counted and refused. Private networks: narrow it to yours.
    "allow": ${list(NEIGHBOURS)}
  },

  "files": { "root": "/var/log/belfry" },

  // Taken in order. One host into one file of its own, before all others:
  //   { "match": { "fromHostIp": "172.31.101.79" }, "file": "mheni-server-2.log", "stop": true }
  "rules": [{ "name": "everything", "file": "{fromHostIp}/{program}.log" }]${withTime ? `,\n${time.trimEnd().replace(/,$/, '')}` : ''}
}
`;
}

/** "HOST", "HOST:PORT" or a whole "relp://HOST:PORT"; RELP is what agents speak by default. */
export function targetOf(to: string): string {
  const target = /^[a-z]+:\/\//.test(to) ? to : `relp://${isIP(to) === 6 ? `[${to}]` : to}`;
  const [problem] = checkTarget(target);
  if (problem === undefined) return target;
  throw new Fault('CLI_USAGE', { what: problem.what, where: `--to ${to}`, mend: problem.mend });
}

export function firstAgentConfig(target: string): string {
  return `// Belfry's agent. Made by \`belfry install agent\`, and yours from now on: it is never overwritten.
// After a change: belfry check -c /etc/belfry/agent.json && systemctl reload belfry-agent
{
  // What programs log, and the kernel. Files of programs that write their own:
  //   { "type": "file", "path": "/var/log/nginx/*.log", "program": "nginx" }
  "inputs": [{ "type": "journald" }],

  "destinations": [
    {
      "name": "server",
      "to": ${JSON.stringify(target)},
      // What the server has not taken yet lies here, for as long as it takes.
      "queue": { "directory": "/var/lib/belfry/queue/server", "maxDiskSpace": "1GiB" }
    }
  ]
}
`;
}

// The words around the tables of docs/config.md and docs/config-agent.md: what no schema can say.

export const GENERATED = '<!-- Made by `npm run docs`: change the declarations, not this file. -->';

export const SERVER_INTRODUCTION = `# server.json

${GENERATED}

The configuration of \`belfry serve\` (that of the agent is in [config-agent.md](config-agent.md)), by default \`/etc/belfry/server.json\`. Every key has a default but the rules, so this is a whole configuration:

\`\`\`jsonc
{
  "rules": [{ "file": "{host}/{program}.log" }]   // below /var/log/belfry
}
\`\`\`

Longer ones to start from: \`config/examples/server.json\` for a server of a site, \`config/examples/local.json\` to try Belfry out.

- **Check it** with \`belfry check -c FILE\`: all faults at once, each with line, column and how to mend it ([all faults](faults.md)). With \`--json\` for programs. Run it as the user that the service runs as, since it also looks whether the log files can be written.
- **It takes effect** at the start and at SIGHUP. A file with a fault changes nothing in a running server.
- **It is JSON**; comments (\`// …\` and \`/* … */\`) and a comma behind the last entry are allowed. Keys that Belfry does not know are refused.
- **Relative paths** are taken from the folder of the file that they stand in, not from the directory that Belfry was started in. Paths in rules are taken from \`files.root\`.
- **Sizes** are a number and \`B\`, \`KiB\`, \`MiB\`, \`GiB\` (powers of two) or \`kB\`, \`MB\`, \`GB\` (powers of ten). **Spans of time** are numbers with \`ms\`, \`s\`, \`min\`, \`h\`, \`d\`, \`w\`, as in \`"1h30min"\`.
- **Addresses** are IP addresses; names are never looked up. A CIDR range such as \`172.31.96.0/20\` has no bits set behind its length.
- **Editors** complete and explain the keys when the file begins with \`"$schema"\` and the path of \`config/published/server.schema.json\`.
`;

export const AGENT_INTRODUCTION = `# agent.json

${GENERATED}

The configuration of \`belfry agent\` (that of the server is in [config.md](config.md)), by default \`/etc/belfry/agent.json\`. Every key has a default but where messages go, so this is a whole configuration:

\`\`\`jsonc
{
  "inputs": [{ "type": "journald" }],
  "destinations": [{ "to": "relp://172.31.100.94:2514" }]
}
\`\`\`

Longer ones to start from: \`config/examples/agent.json\` for a host of a site, \`config/examples/agent-local.json\` to try the agent out beside \`npm start\`.

- **Check it** with \`belfry check -c FILE\`: all faults at once, each with line, column and how to mend it ([all faults](faults.md)), and below them what is worth a look on this host: patterns that find no file, directories that cannot be written, a journal that cannot be read. Run it as the user that the service runs as.
- **It takes effect** at the start and at SIGHUP. A file with a fault changes nothing in a running agent.
- **Every message becomes RFC 5424** where it comes in; its time and its host stay.
- **Every destination is on its own**: its own queue on the disk, its own place in the journal and in files. One that is down or slow never holds back another.
- **What each part promises**: [the agent](agent.md), [inputs](inputs.md), [transports](transports.md).
- **Names** of inputs and destinations are what checkpoints and queues are kept under: a new name begins anew.
- **Relative paths** are taken from the folder of the file that they stand in, not from the directory that Belfry was started in.
- The file is JSON as [server.json](config.md) is: comments and a last comma are allowed, keys that Belfry does not know are refused, sizes and spans are written in the same way. For editors: \`"$schema"\` with the path of \`config/published/agent.schema.json\`.
`;

export const SELECTORS = `## Selectors

The value of \`select\` is the selector of syslog.conf: parts with \`;\` between them, each of facilities, a dot, and a severity. Later parts change what earlier ones chose.

| selector | chooses |
|---|---|
| \`*.*\` | everything |
| \`mail.err\` | facility mail, severity err and all that are more severe |
| \`auth,authpriv.*\` | two facilities, any severity |
| \`kern.=debug\` | facility kern, severity debug alone |
| \`*.info;mail.none\` | info and more severe, but nothing of mail |
| \`*.*;*.!warning\` | everything below warning |
| \`*.*;*.!=info\` | everything but info |

Facilities: kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, local0 to local7. Severities, most severe first: emerg, alert, crit, err, warning, notice, info, debug.
`;

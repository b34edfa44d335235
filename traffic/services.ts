// The well-known ports that tell a server from a client, where neither a SYN nor a listening socket does, and that may
// stand in a filter by name (IANA, service names and port numbers).
// Refuses: to be complete. A port that many clients use for themselves must not be here.

const SERVICES: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  bootps: 67,
  tftp: 69,
  http: 80,
  kerberos: 88,
  pop3: 110,
  sunrpc: 111,
  ntp: 123,
  'netbios-ns': 137,
  imap: 143,
  snmp: 161,
  snmptrap: 162,
  bgp: 179,
  ldap: 389,
  https: 443,
  submissions: 465,
  syslog: 514,
  submission: 587,
  ldaps: 636,
  'domain-s': 853,
  imaps: 993,
  pop3s: 995,
  openvpn: 1194,
  mssql: 1433,
  relp: 2514,
  nfs: 2049,
  mysql: 3306,
  rdp: 3389,
  sip: 5060,
  mdns: 5353,
  postgresql: 5432,
  llmnr: 5355,
  amqp: 5672,
  redis: 6379,
  'syslog-tls': 6514,
  'http-alt': 8080,
};

const PORTS: ReadonlySet<number> = new Set(Object.values(SERVICES));

export function portOfService(name: string): number | undefined {
  return Object.hasOwn(SERVICES, name) ? SERVICES[name] : undefined;
}

export function isServicePort(port: number): boolean {
  return PORTS.has(port);
}

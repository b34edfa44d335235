// What the two sides of a RELP connection offer each other when it opens: lines of `name=value,value`. Only
// three names are known (relp_version, relp_software, commands); others are passed over, as the specification
// demands. Promises: total, any bytes are read as some offers. Runs once per connection, so it may make strings.

/**
 * The version that is spoken in practice: librelp offers 0 and refuses a server that answers with a higher one.
 */
const RELP_VERSION = 0;

/** Of the peer's name for itself so much is kept; librelp's has some 40. */
const SOFTWARE_CHARS_MAX = 200;

export interface RelpOffers {
  /** Undefined: not offered, or no number. */
  readonly version: number | undefined;
  readonly commands: readonly string[];
  readonly software: string;
}

/** `software`: name, version and address, with commas between them. */
export function printOffers(software: string): string {
  return `relp_version=${RELP_VERSION}\nrelp_software=${software}\ncommands=syslog`;
}

export function parseOffers(text: string): RelpOffers {
  let version: number | undefined;
  let software = '';
  const commands: string[] = [];
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    const value = equals < 0 ? '' : line.slice(equals + 1).trimEnd();
    if (name === 'relp_version') version = /^\d{1,9}$/.test(value) ? Number(value) : undefined;
    else if (name === 'relp_software') software = printable(value);
    else if (name === 'commands') commands.push(...value.split(','));
  }
  return { version, commands, software };
}

/** It goes into logs. */
function printable(text: string): string {
  return text.slice(0, SOFTWARE_CHARS_MAX).replace(/[^\x20-\x7e]/g, '?');
}

/** Why no session can come of these offers; undefined when one can. */
export function objection(offers: RelpOffers): string | undefined {
  if (offers.version === undefined) return 'relp_version is not offered';
  return offers.commands.includes('syslog') ? undefined : 'the command syslog is not offered';
}

/** As the answer to a client's offers, a version above ours cannot be spoken. */
export function answerObjection(offers: RelpOffers): string | undefined {
  const missing = objection(offers);
  if (missing !== undefined || (offers.version as number) <= RELP_VERSION) return missing;
  return `RELP version ${offers.version} is demanded, and only ${RELP_VERSION} is spoken here`;
}

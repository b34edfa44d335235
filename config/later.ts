// Keys that belong to Belfry but not yet to this version. A configuration that uses one is told so, instead of
// being told that it has a typing mistake. An entry leaves this table with the version that brings it.

/** By the title of the schema that the key would stand in. */
export type LaterKeys = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const LATER_SERVER_KEYS: LaterKeys = {
  'Top level': { sources: 'sources of time' },
  ntp: { sources: 'sources of time' },
};

export const LATER_AGENT_KEYS: LaterKeys = {
  'Top level': { time: 'keeping the clock' },
};

// Keys that belong to Belfry but not yet to this version. A configuration that uses one is told
// so, instead of being told that it has a typing mistake. An entry leaves this table with the version that
// brings it.

/** By the title of the schema that the key would stand in. */
export const LATER_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Top level': {
    sources: 'sources of time',
    inputs: 'the agent',
    destinations: 'the agent',
    time: 'keeping the clock',
    traffic: 'watching the network',
  },
  ntp: { sources: 'sources of time' },
};

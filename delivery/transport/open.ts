// The one way to a transport: the scheme of the first target decides which it is.

import type { Transport, TransportOptions, TransportParts } from './transport.ts';

/** Does nothing until `start`. */
export function openTransport(options: TransportOptions, parts: TransportParts): Transport {
  throw new Error(`not yet: ${options.name} ${parts.reader.destination}`);
}

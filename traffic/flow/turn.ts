// What a flow's listener is told of: the turns of a connection, and why a flow is forgotten.

/** What happens to a connection. */
export type Turn =
  | 'opened'
  | 'update'
  | 'closed'
  | 'reset'
  | 'refused'
  | 'noAnswer'
  | 'timeout'
  | 'halfClosed';

/** Why a flow is no longer in the table. */
export type Removal = 'ended' | 'idle' | 'evicted' | 'reused' | 'stopped';

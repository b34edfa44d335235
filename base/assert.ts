// A promise that we broke ourselves. A failed assertion is a bug of Belfry's, never of the input or of
// the operator: it is not caught anywhere, the process dies, and the service manager starts it again.

export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
}

export function assert(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new BrokenPromise(promise);
}

/** For the end of an exhaustive `switch`: reaching it means that a closed union was not closed. */
export function unreachable(value: never): never {
  throw new BrokenPromise(`unexpected case ${JSON.stringify(value)}`);
}

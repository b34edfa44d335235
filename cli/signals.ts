// The signals by which an operator, or a service manager, speaks to a program that runs until it is told to stop.

/**
 * Resolves with the name of the signal that ends the program; SIGHUP reloads it, once it is open. A signal that
 * comes again changes nothing: what was taken is brought to its end all the same. Nothing is reloaded by then.
 */
export function untilStopped(opened: Promise<void>, again: () => Promise<void>): Promise<NodeJS.Signals> {
  return new Promise((done) => {
    let isEnding = false;
    const end = (signal: NodeJS.Signals) => {
      isEnding = true;
      done(signal);
    };
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    let busy = opened.catch(() => undefined);
    process.on('SIGHUP', () => {
      busy = busy.then(() => (isEnding ? undefined : again()));
    });
  });
}

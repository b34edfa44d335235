// Waiting for the end of things: of all, or no longer than a stop may take.

/** Whether it came to its end by then; `deadlineMs` is in milliseconds since 1970. Its failure is passed on. */
export async function endsBy(deadlineMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), Math.max(0, deadlineMs - Date.now()));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** All come to their end before the first failure is told. */
export async function waitForAll(works: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(works);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

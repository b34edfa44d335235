// Waits for the end of something, but no longer than a stop may take.

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

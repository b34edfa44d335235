// When to look at which directory. One in which nothing happens sleeps: the kernel wakes us when it changes. One
// in which something happens is looked at a few times a second instead, since the kernel would wake us for each
// line that is written. Promises: no cost for what is quiet, a bounded one for what is busy. Where the kernel
// cannot watch (its limits, a network file system that says nothing), the directory is always looked at.
// Refuses: to be believed. It is a hint; a scan every few seconds finds what was missed.

import { type FSWatcher, statSync, watch } from 'node:fs';

/** The kernel allows 8,192 watches to a user by default (fs.inotify.max_user_watches on small hosts). */
const WATCHED_MAX = 1024;

interface Directory {
  readonly path: string;
  watcher: FSWatcher | undefined;
  /** The kernel refused, or may not be asked. */
  isUnwatchable: boolean;
  /** It is not there yet, or any more: the scan will see when it is. */
  isAbsent: boolean;
  busyMs: number;
  changedMs: number;
}

export class Directories {
  readonly #all = new Map<string, Directory>();
  readonly #onWake: () => void;
  readonly #now: () => number;
  readonly #awakeMs: number;
  #isStopped = false;

  /** One in which nothing happened for `awakeMs` sleeps; when something does, `onWake` is called. */
  constructor(onWake: () => void, now: () => number, awakeMs: number) {
    this.#onWake = onWake;
    this.#now = now;
    this.#awakeMs = awakeMs;
  }

  /** Exactly these, from now on; new ones are awake. */
  set(paths: ReadonlySet<string>): void {
    for (const [path, directory] of this.#all) {
      if (paths.has(path)) continue;
      directory.watcher?.close();
      this.#all.delete(path);
    }
    for (const path of paths) {
      const directory = this.#all.get(path);
      if (directory === undefined) this.#add(path);
      else if (directory.isAbsent && changeOf(path) !== 0) this.keepAwake(path);
    }
  }

  #add(path: string): void {
    this.#all.set(path, {
      path,
      watcher: undefined,
      isUnwatchable: this.#all.size >= WATCHED_MAX,
      isAbsent: false,
      busyMs: this.#now(),
      // Whatever came since the scan that named it.
      changedMs: Number.NaN,
    });
  }

  isAwake(path: string): boolean {
    const directory = this.#all.get(path);
    return directory !== undefined && isAwake(directory);
  }

  get hasAwake(): boolean {
    for (const directory of this.#all.values()) if (isAwake(directory)) return true;
    return false;
  }

  /** Something happened to a file in it. */
  keepAwake(path: string): void {
    const directory = this.#all.get(path);
    if (directory === undefined) return;
    directory.busyMs = this.#now();
    directory.watcher?.close();
    directory.watcher = undefined;
    directory.isAbsent = false;
  }

  /** Did names come, go or change in one that is awake? */
  haveNewNames(): boolean {
    let isNew = false;
    for (const directory of this.#all.values()) {
      if (!isAwake(directory)) continue;
      const changedMs = changeOf(directory.path);
      if (changedMs === directory.changedMs) continue;
      directory.changedMs = changedMs;
      directory.busyMs = this.#now();
      isNew = true;
    }
    return isNew;
  }

  /** Those in which nothing happened for a while. True: some sleep now, and deserve one more look first. */
  letSleep(): boolean {
    let some = false;
    const nowMs = this.#now();
    for (const directory of this.#all.values()) {
      if (!isAwake(directory) || directory.isUnwatchable) continue;
      if (nowMs - directory.busyMs < this.#awakeMs) continue;
      this.#sleep(directory);
      some ||= directory.watcher !== undefined;
    }
    return some;
  }

  #sleep(directory: Directory): void {
    if (this.#isStopped) return;
    try {
      const watcher = watch(directory.path);
      if (changeOf(directory.path) !== directory.changedMs) {
        watcher.close();
        directory.busyMs = this.#now();
        return;
      }
      const wake = () => {
        if (directory.watcher !== watcher) return;
        this.keepAwake(directory.path);
        this.#onWake();
      };
      watcher.on('change', wake);
      // The directory has gone, or its file system.
      watcher.on('error', wake);
      directory.watcher = watcher;
    } catch {
      // Gone, or over the kernel's limit: then it is looked at for ever.
      directory.isAbsent = changeOf(directory.path) === 0;
      directory.isUnwatchable = !directory.isAbsent;
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const directory of this.#all.values()) directory.watcher?.close();
    this.#all.clear();
  }
}

function isAwake({ watcher, isAbsent }: Directory): boolean {
  return watcher === undefined && !isAbsent;
}

/** When names in it came, went or changed; 0 when it is not there. */
function changeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  } catch {
    return 0;
  }
}

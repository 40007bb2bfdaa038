import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./failure.mjs";

const POLL_MS = 250;
/** The holder of a lock touches it this often while it lives. */
const SIGN_OF_LIFE_MS = 1_000;
const SILENCE_LIMIT_MS = 15_000;
const WAIT_LIMIT_MS = 20 * 60_000;

/**
 * Does something that only one process may do at a time; the others wait. A lock whose holder is gone is taken over. That nobody has the
 * holder's number any more shows it, but not the contrary: in a container, and after a restart, numbers come again. So silence shows it, too.
 * @template T
 * @param {string} file
 * @param {string} what said once while waiting
 * @param {() => Promise<T>} action
 * @param {number} [silenceLimitMs]
 * @returns {Promise<T>}
 */
export async function withLock(file, what, action, silenceLimitMs = SILENCE_LIMIT_MS) {
  mkdirSync(dirname(file), { recursive: true });
  await takeLock(file, what, silenceLimitMs);
  const signs = setInterval(() => touch(file), SIGN_OF_LIFE_MS);
  try {
    return await action();
  } finally {
    clearInterval(signs);
    rmSync(file, { force: true });
  }
}

async function takeLock(file, what, silenceLimitMs) {
  const begunMs = performance.now();
  let told = false;
  let holder;
  while (!tryLock(file)) {
    const found = readLock(file);
    if (found?.state !== holder?.state) holder = found && { ...found, sinceMs: performance.now() };
    if (holder && isAbandoned(holder, silenceLimitMs)) {
      takeAway(file, holder.state);
      continue;
    }
    if (holder && !told) console.log(`Waiting for process ${holder.pid}, which is busy with this already: ${what}`);
    told ||= holder !== undefined;
    if (performance.now() - begunMs > WAIT_LIMIT_MS) {
      throw new Failure(`Process ${holder?.pid} has been busy for too long: ${what}. End it, and remove ${file}.`);
    }
    await sleep(POLL_MS);
  }
}

function tryLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

/** Undefined when it is gone. `state` is another one after each sign of life. */
function readLock(file) {
  return unlessGone(() => {
    const { mtimeMs, ino } = statSync(file);
    return { pid: Number(readFileSync(file, "utf8")), mtimeMs, state: `${ino} ${mtimeMs}` };
  });
}

/** Between making the file and writing to it the holder is unknown. */
function isAbandoned({ pid, mtimeMs, sinceMs }, silenceLimitMs) {
  if (performance.now() - sinceMs > silenceLimitMs) return true;
  return pid !== 0 && (pid === process.pid || !isAlive(pid) || mtimeMs < Date.now() - uptime() * 1000);
}

/** Of several that find a lock abandoned one succeeds; who took the lock of a new holder gives it back. */
function takeAway(file, state) {
  const aside = `${file}.${process.pid}`;
  unlessGone(() => renameSync(file, aside));
  if (readLock(aside)?.state === state) rmSync(aside, { force: true });
  else unlessGone(() => renameSync(aside, file));
}

function touch(file) {
  unlessGone(() => utimesSync(file, new Date(), new Date()));
}

function unlessGone(action) {
  try {
    return action();
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

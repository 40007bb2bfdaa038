import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 250;
const UNSIGNED_LIMIT_MS = 5000;

/**
 * Does something that only one process may do at a time; the others wait. A lock whose holder died is taken over.
 * @template T
 * @param {string} file
 * @param {string} what said once while waiting
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function withLock(file, what, action) {
  mkdirSync(dirname(file), { recursive: true });
  for (let waiting = false; !tryLock(file); await sleep(POLL_MS)) {
    if (!waiting) console.log(`Another process is busy with this already, waiting for it: ${what}`);
    waiting = true;
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (isAbandoned(file)) rmSync(file, { force: true });
    return false;
  }
}

function isAbandoned(file) {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    // Between making the file and writing to it the holder is unknown.
    return pid ? !isAlive(pid) : Date.now() - statSync(file).mtimeMs > UNSIGNED_LIMIT_MS;
  } catch (error) {
    if (error.code === "ENOENT") return false;
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

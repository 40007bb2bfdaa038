import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 250;

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
    if (!isAlive(holderOf(file))) rmSync(file, { force: true });
    return false;
  }
}

function holderOf(file) {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  // Between creating the file and writing it the holder is unknown, and must not be robbed.
  if (!pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

const LOOK_EVERY_MS = 1_000;

/**
 * Under npm: ends this process as SIGTERM would when npm is gone, since it passes on only some of the signals that end it, and none when it is
 * killed. What is started without npm lives for itself.
 * @param {number} parent its number when this process began
 */
export function endWithParent(parent) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const timer = setInterval(() => {
    if (isAlive(parent)) return;
    clearInterval(timer);
    process.emit("SIGTERM", "SIGTERM");
  }, LOOK_EVERY_MS);
  timer.unref();
}

/** On Windows a process keeps the number of a parent that is gone; elsewhere it gets another one. */
function isAlive(parent) {
  if (process.platform !== "win32") return process.ppid === parent;
  try {
    process.kill(parent, 0);
    return true;
  } catch {
    return false;
  }
}

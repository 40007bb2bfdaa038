import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ROOT } from "./paths.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** The exit code a shell gives a process that a signal ended. */
const signalExitCode = (signal) => 128 + (constants.signals[signal] ?? 0);

/** A terminal sends Ctrl-C to all of its processes; forwarding it would make it two. */
const reachesChildToo = (signal) => signal === "SIGINT" && process.stdin.isTTY;

/**
 * Runs a command in the root of the checkout with this process's stdio, and passes our signals on to it.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<{ code: number, interrupted: boolean }>} `interrupted`: a signal reached us meanwhile, so stop here
 */
export function runAttached(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: "inherit", ...options });
    let interrupted = false;
    const forward = (signal) => {
      interrupted = true;
      if (!reachesChildToo(signal)) child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, forward);
    const forget = () => SIGNALS.map((signal) => process.off(signal, forward));
    child.once("error", (error) => {
      forget();
      reject(error);
    });
    child.once("close", (code, signal) => {
      forget();
      resolve({ code: code ?? signalExitCode(signal), interrupted: interrupted || signal !== null });
    });
  });
}

/**
 * Runs a command and keeps its output, stdout and stderr as they came.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<{ code: number, output: string }>} code 127 when the command does not exist
 */
export function runCaptured(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.once("error", (error) => resolve({ code: 127, output: String(error) }));
    child.once("close", (code, signal) => resolve({ code: code ?? signalExitCode(signal), output }));
  });
}

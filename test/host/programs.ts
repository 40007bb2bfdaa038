import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Program {
  readonly child: ChildProcess;
  output(): string;
  errors(): string;
  /** Exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** The first address that it prints. */
  readonly url: Promise<string>;
}

export const appFile = (name: string): string => fileURLToPath(new URL(`./apps/${name}`, import.meta.url));

/** Runs a file with this Node. */
export function runProgram(file: string, args: readonly string[] = []): Program {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  const url = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<number | string>();
  child.stdout.on("data", (chunk) => {
    output += chunk;
    const found = /http:\/\/[\w.]+:\d+/.exec(output)?.[0];
    if (found) url.resolve(found);
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  child.on("close", (code, signal) => {
    ended.resolve(code ?? signal ?? "");
    url.reject(new Error(`The program ended before it told its address: ${errors}`));
  });
  url.promise.catch(() => {});
  return { child, output: () => output, errors: () => errors, ended: ended.promise, url: url.promise };
}

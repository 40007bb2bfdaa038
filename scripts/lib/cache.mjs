import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { isAlive } from "./lock.mjs";
import { inRoot } from "./paths.mjs";

/** Where things of a kind are kept outside the clone. */
export const cacheFolder = (kind) => join(process.env.CAIRN_CACHE ?? join(homedir(), ".cache", "cairn"), kind);

/**
 * Makes a folder of the cache, unless it is there. It is filled under a temporary name and renamed when complete, so that what is interrupted
 * leaves nothing that would be used; of two racing processes one wins.
 * @param {string} folder
 * @param {(draft: string) => Promise<string | undefined>} fill makes the folder `draft`, and tells what went wrong
 * @returns {Promise<string | undefined>} what went wrong
 */
export async function ensureCached(folder, fill) {
  if (existsSync(folder)) return undefined;
  const draft = `${folder}.${process.pid}.draft`;
  mkdirSync(dirname(folder), { recursive: true });
  removeAbandonedDrafts(dirname(folder));
  try {
    return (await fill(draft)) ?? publish(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

const MOST_TOLD = 200;

/**
 * Why a program failed, in one line: the last in which it speaks of an error, else its last one. All that it said is in a file that the line names.
 * @param {string} program
 * @param {{ code: number, output: string }} result
 */
export function whyFailed(program, { code, output }) {
  const lines = output.split("\n").map((line) => line.trim());
  const told = lines.filter((line) => line !== "");
  const why = told.findLast((line) => /\berror\b/i.test(line)) ?? told.at(-1) ?? `exit code ${code}`;
  const log = inRoot(".cache", `${program}.log`);
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, output);
  return `${why.slice(0, MOST_TOLD)} (all of it: ${log})`;
}

/** What killed processes have left. */
function removeAbandonedDrafts(folder) {
  for (const name of readdirSync(folder)) {
    const pid = /\.(\d+)\.draft$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function publish(draft, folder) {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) return String(error);
  }
  return undefined;
}

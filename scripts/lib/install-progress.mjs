import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PARTS } from "./parts.mjs";
import { inRoot } from "./paths.mjs";

const FOLDER = inRoot("node_modules");
const MB = 1_000_000;
const isTerminal = process.stdout.isTTY;
/** A terminal's line is written over; a log gets a new one, less often. */
const STEP_MS = isTerminal ? 1_000 : 4_000;

/**
 * Tells what is about to be installed and how much that is, then how far it has come.
 * @template T
 * @param {import("./parts.mjs").Part[]} parts
 * @param {boolean} isFresh whether the folder is emptied first
 * @param {() => Promise<T>} install
 * @returns {Promise<T>}
 */
export async function withInstallProgress(parts, isFresh, install) {
  const sum = (field) => parts.reduce((total, part) => total + PARTS[part][field], 0);
  const wholeMb = sum("diskMb");
  const what = parts.map((part) => PARTS[part].what).join(", ");
  console.log(`Installing ${what}: about ${sum("downloadMb")} MB to download, ${wholeMb} MB on disk ...`);
  const begunMs = performance.now();
  const bytesBefore = isFresh ? 0 : bytesIn(FOLDER);
  const timer = setInterval(() => {
    const doneMb = Math.max(0, Math.round((bytesIn(FOLDER) - bytesBefore) / MB));
    show(`  ${Math.min(doneMb, wholeMb)} of ${wholeMb} MB`);
  }, STEP_MS);
  try {
    return await install();
  } finally {
    clearInterval(timer);
    show(`  installed in ${Math.ceil((performance.now() - begunMs) / 1000)} s`);
    if (isTerminal) process.stdout.write("\n");
  }
}

function show(text) {
  process.stdout.write(isTerminal ? `\r${text.padEnd(30)}` : `${text}\n`);
}

/** On the disk, in whole blocks where the system tells them. What goes meanwhile counts nothing. */
function bytesIn(folder) {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      bytes += entry.isDirectory() ? bytesIn(path) : bytesOf(lstatSync(path));
    }
  } catch {}
  return bytes;
}

const bytesOf = ({ blocks, size }) => (blocks ? blocks * 512 : size);

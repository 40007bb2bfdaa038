import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "./failure.mjs";

const ZIP = "cairn.zip";
const FOLDER = "package";
/** The new folder until it is whole; what a killed run has left of it is of no use. */
const DRAFT = ".cairn-package-draft";
const OURS = [ZIP, FOLDER, DRAFT];

/**
 * Puts a package into a folder of its own, as `package/` and `cairn.zip`. What an earlier run has made there is replaced, and nothing else
 * is ever touched.
 * @param {string} out
 * @param {ReadonlyMap<string, Uint8Array>} contents by name
 * @param {Uint8Array} archive
 * @param {string} main the entry of the package, by which one is known
 * @returns {string} path of the zip
 */
export function replacePackage(out, contents, archive, main) {
  const draft = join(out, DRAFT);
  rmSync(draft, { recursive: true, force: true });
  for (const [name, content] of contents) {
    const file = join(draft, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  requireOwnFolder(out, main);
  rmSync(join(out, FOLDER), { recursive: true, force: true });
  renameSync(draft, join(out, FOLDER));
  const zip = join(out, ZIP);
  writeFileSync(zip, archive);
  return zip;
}

/**
 * Refuses a folder that holds anything but what we have made: it may be somebody's.
 * @param {string} out
 * @param {string} main
 */
export function requireOwnFolder(out, main) {
  const names = namesIn(out);
  const foreign = names.filter((name) => !OURS.includes(name));
  if (foreign.length > 0) {
    throw new Failure(
      `${out} holds other things (${foreign.slice(0, 3).join(", ")}): name a folder that is empty or not there.`,
    );
  }
  if (names.includes(FOLDER) && !isPackage(join(out, FOLDER), main)) {
    throw new Failure(`${join(out, FOLDER)} is not what this command makes: name a folder that is empty or not there.`);
  }
}

function namesIn(out) {
  try {
    return readdirSync(out);
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw new Failure(`${out} cannot be used: ${error.message}.`);
  }
}

function isPackage(folder, main) {
  try {
    const { name, main: entry } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return name === "cairn" && entry === main;
  } catch {
    return false;
  }
}

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder, whyFailed } from "./cache.mjs";
import { withLock } from "./lock.mjs";
import { inRoot } from "./paths.mjs";
import { runCaptured } from "./processes.mjs";

const CACHE = cacheFolder("cosmos-emulator");
const SOURCES = ["Cargo.toml", "Cargo.lock", "src/main.rs"];
const PROGRAM = process.platform === "win32" ? "cosmos-emulator.exe" : "cosmos-emulator";

/**
 * The emulator of Cosmos DB in test/emulators/cosmos, built with Cargo once for each state of its sources and kept
 * outside the clone. It is built under another name and renamed when complete, so an interrupted build leaves nothing
 * that would be used; of two builds at once the second waits for the first.
 * @returns {Promise<{ program: string, problem?: undefined } | { program?: undefined, problem: string }>} what went
 *   wrong, if it did: no Cargo, no registry to get the crates from, an error of the compiler
 */
export async function prepareCosmosEmulator() {
  const program = join(CACHE, keyOfSources(), PROGRAM);
  if (existsSync(program)) return { program };
  if ((await runCaptured("cargo", ["--version"])).code !== 0) return { problem: "no cargo (Rust) on the PATH" };
  console.log("Building the Cosmos DB emulator (two minutes or more, the first time) ...");
  return withLock(join(CACHE, "build.lock"), "the Cosmos DB emulator", () => build(program));
}

function keyOfSources() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of SOURCES) hash.update(readFileSync(sourceFile(file))).update("\0");
  return hash.digest("hex").slice(0, 16);
}

const sourceFile = (file) => inRoot("test", "emulators", "cosmos", file);

/** What the compiler leaves besides the program, some 300 MB, goes as soon as it is done. */
async function build(program) {
  if (existsSync(program)) return { program };
  const target = join(CACHE, "target");
  const folder = dirname(program);
  const draft = `${folder}.draft`;
  const args = ["build", "--release", "--locked", "--manifest-path", sourceFile("Cargo.toml"), "--target-dir", target];
  const result = await runCaptured("cargo", args);
  if (result.code !== 0) return { problem: whyFailed("cosmos-emulator", result) };
  mkdirSync(draft, { recursive: true });
  copyFileSync(join(target, "release", PROGRAM), join(draft, PROGRAM));
  renameSync(draft, folder);
  rmSync(target, { recursive: true, force: true });
  return { program };
}

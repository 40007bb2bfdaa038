import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { absentSdks } from "./parts.mjs";
import { inRoot } from "./paths.mjs";

const FOLDERS = ["functions", "host", "shared", "scripts", "dependencies"];
const FILES = ["host.json", "package.json", "package-lock.json", "tsconfig.json"];
const STAMP = inRoot("dist", ".built");
const LOCK = inRoot(".cache", "build.lock");

/** Builds `dist` when a source has changed since; otherwise costs a few milliseconds. */
export async function ensureBuilt() {
  if (isBuilt()) return;
  await alone(async () => {
    if (!isBuilt()) await buildNow();
  });
}

/** Builds `dist` in any case. */
export async function build() {
  await alone(buildNow);
}

async function alone(action) {
  const { withLock } = await import("./lock.mjs");
  await withLock(LOCK, "building", action);
}

const isBuilt = () => readStamp() === fingerprint();

/** A build that was interrupted leaves no stamp, so the next start repeats it. */
async function buildNow() {
  console.log("Building ...");
  const sources = fingerprint();
  rmSync(STAMP, { force: true });
  const { buildDist } = await import("./esbuild.mjs");
  await buildDist();
  writeFileSync(STAMP, sources);
}

function readStamp() {
  try {
    return readFileSync(STAMP, "utf8");
  } catch {
    return undefined;
  }
}

/** A hash over path, size and time of every source, which also changes when a file goes or comes back older, and over what cannot be bundled. */
function fingerprint() {
  const files = FOLDERS.flatMap((folder) => filesIn(inRoot(folder)));
  const lines = [...files, ...FILES.map((file) => inRoot(file))].map(described);
  return createHash("sha256")
    .update(`${absentSdks()}\n${lines.join("\n")}`)
    .digest("hex");
}

function filesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(path) : path;
  });
}

function described(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  return `${file} ${stat?.size} ${stat?.mtimeMs}`;
}

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { zipSync } from "fflate";
import { bundle } from "./esbuild.mjs";
import { replacePackage, requireOwnFolder } from "./package-folder.mjs";
import { inRoot } from "./paths.mjs";

const ENTRY = "functions/index.js";
/** The oldest time that a zip can hold, in local time as the format has it: the same input gives the same bytes. */
const LONG_AGO = new Date(1980, 0, 1);
const UNIX = 3;
const PLAIN_FILE = 0o100644 << 16;
const LICENSE = /^(licen[cs]e|notice|thirdparty.*)(\.|$)/i;

/**
 * Writes `package/`, what Azure Functions runs as it is, and `cairn.zip`, the same in one file. All dependencies are bundled; the Azure
 * SDKs are chunks that are loaded when the first request needs them.
 * @param {string} out folder that holds both, and nothing else
 * @returns {Promise<{ zip: string, bytes: number, files: number, sha256: string }>}
 */
export async function writePackage(out) {
  requireOwnFolder(out, ENTRY);
  const contents = await packageContents();
  const archive = zipOf(contents);
  const zip = replacePackage(out, contents, archive, ENTRY);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  return { zip, bytes: archive.length, files: contents.size, sha256 };
}

/** What the package holds by name, in order of names. */
async function packageContents() {
  const { outputFiles, metafile } = await bundle({
    entryPoints: { "functions/index": "functions/index.ts" },
    chunkNames: "chunks/[name]-[hash]",
    write: false,
  });
  const root = inRoot("dist");
  const bundled = outputFiles.map(({ path, contents }) => [relative(root, path).replaceAll("\\", "/"), contents]);
  const text = (value) => new TextEncoder().encode(value);
  const contents = [
    ...bundled,
    ["host.json", readFileSync(inRoot("host.json"))],
    ["package.json", text(packageJson())],
    ["LICENSE", readFileSync(inRoot("LICENSE"))],
    ["THIRD-PARTY-NOTICES.txt", text(notices(metafile))],
  ];
  return new Map(contents.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the Functions runtime looks at; there is nothing to install. */
function packageJson() {
  const { name, version, license, type } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
  return `${JSON.stringify({ name, version, license, private: true, type, main: ENTRY }, undefined, 2)}\n`;
}

function zipOf(contents) {
  const options = { level: 9, mtime: LONG_AGO, os: UNIX, attrs: PLAIN_FILE };
  return zipSync(Object.fromEntries([...contents].map(([name, content]) => [name, [content, options]])));
}

/** The licenses of what is bundled ask to be passed on with it. */
function notices(metafile) {
  const folders = Object.keys(metafile.inputs).flatMap(
    (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [],
  );
  return [...new Set(folders)].sort().map(notice).join("\n");
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(inRoot(folder, "package.json"), "utf8"));
  const files = readdirSync(inRoot(folder)).filter((file) => LICENSE.test(file));
  const texts = files.sort().map((file) => readFileSync(inRoot(folder, file), "utf8").trim());
  return `${name} ${version} (${license})\n\n${texts.join("\n\n")}\n\n${"-".repeat(79)}\n`;
}

import { readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { Failure } from "./failure.mjs";
import { absentSdks } from "./parts.mjs";
import { inRoot, ROOT } from "./paths.mjs";

const OUT = inRoot("dist");
/** Bundled CommonJS packages call require() for Node's own modules, which ES modules do not have. */
const REQUIRE = `import { createRequire as cairnRequire } from "node:module"; const require = cairnRequire(import.meta.url);`;

/**
 * Bundles the local host and the functions app into `dist`, split so that what both use, and what is imported lazily,
 * is one file each.
 */
export async function buildDist() {
  const { metafile } = await bundle({
    entryPoints: { "host/main": "host/main.ts", "functions/index": "functions/index.ts" },
    sourcemap: true,
  });
  removeAllBut(new Set(Object.keys(metafile.outputs).map((file) => resolve(ROOT, file))));
}

/**
 * Bundles entries as the app needs it: split, as ES modules, without what the Functions runtime provides and without what is not installed,
 * which a start without Azure's services never loads.
 * @param {import("esbuild").BuildOptions} options
 */
export async function bundle(options) {
  const { build, stop } = await import("esbuild");
  return build({
    absWorkingDir: ROOT,
    outdir: OUT,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    external: ["@azure/functions-core", ...absentSdks()],
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: "warning",
    ...options,
  })
    .catch((error) => {
      throw new Failure(`The build failed: ${error.errors?.length ?? 1} error(s), see above.`);
    })
    .finally(stop);
}

/** Chunks carry a hash in their names, so a new build does not replace the old ones. */
function removeAllBut(wanted) {
  for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && !wanted.has(file)) rmSync(file);
  }
}

// npm run package [-- --out <folder>] [--measure]: makes out/cairn.zip, which deploys with
//   az functionapp deployment source config-zip -g <group> -n <app> --src out/cairn.zip
// and out/package, the same as a folder.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fromCaller } from "./lib/caller.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { Failure, runMain } from "./lib/failure.mjs";
import { inRoot } from "./lib/paths.mjs";

await runMain(async () => {
  const { out: named, measure } = readOptions();
  if (named === "") throw new Failure("--out must not be empty.");
  const out = named === undefined ? inRoot("out") : fromCaller(named);
  await ensureDependencies();
  const { writePackage } = await import("./lib/package.mjs");
  const { zip, bytes, files, sha256 } = await writePackage(out);
  console.log(`${zip}: ${files} files, ${(bytes / 1e6).toFixed(2)} MB, sha256 ${sha256}`);
  if (measure) await showImportCost(join(out, "package", "functions", "index.js"));
});

function readOptions() {
  try {
    const options = { out: { type: "string" }, measure: { type: "boolean", default: false } };
    return parseArgs({ options }).values;
  } catch (error) {
    throw new Failure(`${error.message} There are --out <folder> and --measure.`);
  }
}

async function showImportCost(entry) {
  const { importCost } = await import("./lib/import-cost.mjs");
  console.log(`Importing its entry: ${await importCost(entry)}`);
}

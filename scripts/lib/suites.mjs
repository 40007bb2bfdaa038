import { readdirSync } from "node:fs";
import { inRoot } from "./paths.mjs";

/**
 * Whether vitest's arguments can mean a suite of these folders below test/: false when they are only file filters that fit none.
 * @param {string[]} args
 * @param {string[]} folders
 */
export function suitesWanted(args, folders) {
  if (args.length === 0 || args.some((it) => it.startsWith("-"))) return true;
  const suites = folders.flatMap((folder) =>
    readdirSync(inRoot("test", folder)).map((file) => `test/${folder}/${file}`),
  );
  return args.some((filter) => suites.some((suite) => suite.includes(filter)));
}

import { existsSync, realpathSync } from "node:fs";
import { Failure } from "./failure.mjs";
import { inRoot } from "./paths.mjs";

const OLDEST = [22, 15];

/**
 * The Node that runs Cairn: the one npm installed for this platform, else this one when it is new enough.
 * @returns {string} path of the executable, without symbolic links, so that it compares with `process.execPath`
 */
export function findNode() {
  const installed = platformNode();
  if (installed) return realpathSync(installed);
  if (isNewEnough(process.versions.node)) return process.execPath;
  throw new Failure(
    `Cairn needs Node ${OLDEST.join(".")} or newer. This is ${process.versions.node}, and npm installed none for ` +
      `${process.platform}-${process.arch}: please get a newer one from https://nodejs.org`,
  );
}

function platformNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const executable = process.platform === "win32" ? "node.exe" : "node";
  const names = [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`];
  return names.map((name) => inRoot("node_modules", name, "bin", executable)).find((path) => existsSync(path));
}

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

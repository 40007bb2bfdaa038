import { existsSync, readFileSync } from "node:fs";
import { inRoot } from "./paths.mjs";

/**
 * What can be installed apart. Megabytes are what npm downloads, and what lies in node_modules then, on Linux.
 * @typedef {"run" | "azure" | "node" | "tools"} Part
 */

/** @type {Record<Part, { downloadMb: number, diskMb: number, what: string }>} */
export const PARTS = {
  run: { downloadMb: 7, diskMb: 29, what: "what Cairn runs on" },
  azure: { downloadMb: 14, diskMb: 155, what: "the Azure SDKs" },
  node: { downloadMb: 53, diskMb: 195, what: "Node 24" },
  tools: { downloadMb: 60, diskMb: 210, what: "the tools for tests and packages" },
};

/** @type {Part[]} */
export const EVERYTHING = ["run", "azure", "node", "tools"];

/** The workspace that brings a part; the others come with the root of the checkout. */
const WORKSPACES = { azure: "cairn-azure", node: "cairn-node" };

/**
 * npm's arguments that limit an install to some parts.
 * @param {Part[]} parts
 */
export function limitTo(parts) {
  if (parts.includes("tools")) return [];
  const workspaces = Object.entries(WORKSPACES).filter(([part]) => parts.includes(part));
  const chosen = workspaces.flatMap(([, name]) => ["--workspace", name]);
  return ["--omit=dev", ...(chosen.length > 0 ? [...chosen, "--include-workspace-root"] : ["--no-workspaces"])];
}

const AZURE_SETTING = /^(?:CAIRN_(?:COSMOS|BLOB|QUEUE|VAULT)_ENDPOINT|APPLICATIONINSIGHTS_CONNECTION_STRING)$/;

/**
 * What a start needs with these settings.
 * @param {NodeJS.ProcessEnv} environment
 * @param {boolean} needsNode whether the machine has none that is new enough
 * @returns {Part[]}
 */
export function partsToRun(environment, needsNode) {
  const usesAzure = Object.entries(environment).some(([name, value]) => value && AZURE_SETTING.test(name));
  return ["run", ...(usesAzure ? ["azure"] : []), ...(needsNode ? ["node"] : [])];
}

/** The packages of the Azure drivers that are not installed. */
export function absentSdks() {
  const { dependencies } = JSON.parse(readFileSync(inRoot("dependencies", "azure", "package.json"), "utf8"));
  return Object.keys(dependencies).filter((name) => !existsSync(inRoot("node_modules", name)));
}

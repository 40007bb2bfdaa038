// Writes resources.json: what Microsoft's own descriptions say of the resource types that infra/ uses, as far as they are known.
//   npm install --no-save --ignore-scripts @azure/mcp-linux-x64@2.0.5
//   node test/infra/types/collect.mjs
// The program is 137 MB and is needed only when infra/ takes up a new type or a new API version.
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const PROGRAM = process.env.AZMCP ?? join(ROOT, "node_modules/@azure/mcp-linux-x64/dist/azmcp");
const PRIMITIVE = /^(string|int|bool|any|object|array|null)$/;

const described = {};
for (const type of usedTypes()) {
  const found = describe(type);
  if (found) described[found.name] = found.description;
  console.log(found?.name ?? `${type}: not known`);
}
writeFileSync(join(import.meta.dirname, "resources.json"), oneLineEach(described));

function usedTypes() {
  const texts = globSync("infra/**/*.bicep", { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), "utf8"));
  const types = texts.flatMap((text) => [...text.matchAll(/^resource \w+ '([^@']+)@/gm)].map(([, type]) => type));
  return [...new Set(types)].sort();
}

function describe(type) {
  const args = ["bicepschema", "get", "--resource-type", type];
  const env = { ...process.env, AZURE_MCP_COLLECT_TELEMETRY: "false" };
  try {
    const output = execFileSync(PROGRAM, args, { env, encoding: "utf8", maxBuffer: 1 << 28 });
    return compact(JSON.parse(output).results.BicepSchemaResult);
  } catch (error) {
    if (error.status === 1) return undefined;
    throw error;
  }
}

/** Only what the body can reach; no descriptions. */
function compact(result) {
  const resource = result.find((it) => it.$type === "Resource");
  const all = new Map(result.filter((it) => it.properties || it.elements).map((it) => [it.name, it]));
  const types = {};
  const take = (type) => {
    if (type.elements)
      return { on: type.discriminator, base: properties(type.baseProperties), cases: type.elements.map(take) };
    const rest = type.additionalPropertiesType;
    if (rest) reach(rest);
    return { properties: properties(type.properties), ...(rest ? { rest } : {}) };
  };
  const properties = (list) => {
    for (const { type } of list) reach(type);
    return Object.fromEntries(list.map((it) => [it.name, property(it)]));
  };
  const reach = (text) => {
    const name = text.replace(/(\[\])+$/, "");
    if (PRIMITIVE.test(name) || types[name] || !all.has(name)) return;
    types[name] = {};
    Object.assign(types[name], take(all.get(name)));
  };
  return { name: resource.name, description: { body: take(resource.bodyType), types } };
}

function property({ type, flags = "", modifiers }) {
  return {
    type,
    ...(flags.includes("Required") ? { required: true } : {}),
    ...(flags.includes("ReadOnly") ? { readOnly: true } : {}),
    ...(modifiers ? { modifiers } : {}),
  };
}

function oneLineEach(resources) {
  const lines = Object.entries(resources).map(([name, { body, types }]) => {
    const named = Object.entries(types).map(([key, type]) => `    ${JSON.stringify(key)}: ${JSON.stringify(type)}`);
    return `  ${JSON.stringify(name)}: {\n   "body": ${JSON.stringify(body)},\n   "types": {\n${named.join(",\n")}\n   }\n  }`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

import type { Fault } from "../bicep/files.ts";
import { lineOf, type Node, parts } from "../bicep/syntax.ts";
import type { Deployment } from "../bicep/template.ts";
import { fault, type Infra, inEach, made } from "../infra.ts";
import { UNCHECKED } from "./types.ts";

const MAX_MODULE_LINES = 200;

/** Versions of the types that are not described; the others have the version of their description. */
const VERSIONS: Readonly<Record<string, string>> = { "Microsoft.Web/sites/extensions": "2024-11-01" };

/** Modules stay short, come from this repository, and are told apart by what they say of their parameters. */
export function conventionFaults(infra: Infra): Fault[] {
  const perFile = [...infra.sources.values()].flatMap(({ file, root }) => {
    const lines = (infra.files.get(file) ?? "").trimEnd().split("\n").length;
    const isLong = file.startsWith("infra/modules/") && lines >= MAX_MODULE_LINES;
    return [
      ...(isLong ? [fault({ file, line: lines }, `a module has fewer than ${MAX_MODULE_LINES} lines.`)] : []),
      ...remoteModules(file, root),
      ...descriptionFaults(file, root),
    ];
  });
  return [...perFile, ...inEach(infra, wrongVersions), ...inEach(infra, clashes), ...lintFaults(infra)];
}

function remoteModules(file: string, root: Node): Fault[] {
  return parts(root)
    .filter(
      (node) => node.type === "module_declaration" && !/^'modules\/[a-z]+\.bicep'$/.test(parts(node)[1]?.text ?? ""),
    )
    .map((node) =>
      fault(
        { file, line: lineOf(node) },
        `${parts(node)[1]?.text} is no local module: a compile would need the network.`,
      ),
    );
}

/** "Required." where a value must be given, "Optional." where there is a default. */
function descriptionFaults(file: string, root: Node): Fault[] {
  let said = "";
  return parts(root).flatMap((node) => {
    if (node.type === "decorators") {
      said = /@description\('(\w+)\./.exec(node.text)?.[1] ?? "";
      return [];
    }
    const needed = parts(node).length > 2 ? "Optional" : "Required";
    const isWrong = node.type === "parameter_declaration" && said !== needed;
    const name = parts(node)[0]?.text;
    said = "";
    return isWrong
      ? [fault({ file, line: lineOf(node) }, `the description of ${name} must begin with "${needed}.".`)]
      : [];
  });
}

function wrongVersions({ resources }: Deployment): Fault[] {
  return resources
    .filter(({ type }) => UNCHECKED[type])
    .filter(({ type, typeAndVersion }) => typeAndVersion !== `${type}@${VERSIONS[type]}`)
    .map((it) => fault(it.at, `${it.typeAndVersion}: the version that is used everywhere is ${VERSIONS[it.type]}.`));
}

/** What is unique in Azure, and how its names look where the descriptions do not say. */
const NAMES: Readonly<Record<string, RegExp>> = {
  "Microsoft.Storage/storageAccounts": /^[a-z0-9]{3,24}$/,
  "Microsoft.DocumentDB/databaseAccounts": /^[a-z0-9](?:[a-z0-9-]{1,42})[a-z0-9]$/,
  "Microsoft.KeyVault/vaults": /^[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$/,
  "Microsoft.Web/sites": /^[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]$/,
};

/** No two resources of one name, and none that Azure would refuse. */
function clashes(deployment: Deployment): Fault[] {
  const seen = new Set<string>();
  const doubled = deployment.resources.filter((it) => {
    const key = `${it.id} ${it.scope?.id ?? ""}`;
    const isDoubled = !it.existing && it.deployed && seen.has(key);
    if (!it.existing && it.deployed) seen.add(key);
    return isDoubled;
  });
  const refused = Object.entries(NAMES).flatMap(([type, pattern]) =>
    made(deployment, type).filter((it) => !pattern.test(it.name)),
  );
  return [
    ...doubled.map((it) => fault(it.at, `there are two ${it.type} named ${it.name}.`)),
    ...refused.map((it) => fault(it.at, `${it.name} is no name for a ${it.type}.`)),
  ];
}

/** Whoever has the compiler hears all that it can say. */
function lintFaults(infra: Infra): Fault[] {
  const file = "infra/bicepconfig.json";
  const text = infra.files.get(file) ?? "{}";
  const config = JSON.parse(text) as {
    analyzers?: { core?: { enabled?: boolean; rules?: Record<string, { level: string }> } };
  };
  const { enabled, rules = {} } = config.analyzers?.core ?? {};
  const lineWith = (name: string) => text.split("\n").findIndex((line) => line.includes(`"${name}"`)) + 1 || 1;
  const weak = Object.entries(rules).filter(([, { level }]) => level !== "error");
  return [
    ...(enabled && Object.keys(rules).length > 0
      ? []
      : [fault({ file, line: lineWith("core") }, "the analyzers are not on.")]),
    ...weak.map(([name]) => fault({ file, line: lineWith(name) }, `the rule ${name} is not at error.`)),
  ];
}

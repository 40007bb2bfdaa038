import { isDeepStrictEqual } from "node:util";
import type { Fault } from "../bicep/files.ts";
import type { Deployment } from "../bicep/template.ts";
import { at, type Place, plain, type Resource, type Value } from "../bicep/values.ts";
import type { Code } from "../code.ts";
import { fault, type Infra, inEach, MAIN, made } from "../infra.ts";

/** What the app reads and a deployment leaves out, each with the reason. */
const NOT_DEPLOYED: Readonly<Record<string, string>> = {
  CAIRN_COSMOS_KEY: "there are no keys",
  CAIRN_STORAGE_KEY: "there are no keys",
  CAIRN_CREATE_CONTAINERS: "the template makes them",
};

/** What others read: the Azure clients, and the Functions host, whose own start page would take the place of ours. Each must be there. */
const READ_BY_OTHERS = ["AZURE_CLIENT_ID", "AZURE_TOKEN_CREDENTIALS", "AzureWebJobsDisableHomepage"];

/** How a connection by identity is written: the host reads `<connection>__<part>`. */
const CONNECTION_PARTS = ["blobServiceUri", "queueServiceUri", "tableServiceUri", "credential", "clientId"];

const settingsOf = (
  deployment: Deployment,
): { resource: Resource; settings: ReadonlyMap<string, Value> } | undefined => {
  const resource = made(deployment, "Microsoft.Web/sites/config").find((it) => it.ownName === "appsettings");
  const properties = resource?.body.get("properties");
  return properties?.kind === "object" ? { resource: resource!, settings: properties.entries } : undefined;
};

const START: Place = { file: MAIN, line: 1 };

/** The settings of the app are those that somebody reads, and the other way round. */
export function settingFaults(infra: Infra, code: Code): Fault[] {
  const connections = [...new Set(code.queues.map((it) => it.connection))];
  const needed = new Set([
    ...code.settings.filter((name) => !NOT_DEPLOYED[name]),
    ...READ_BY_OTHERS,
    ...connections.flatMap((name) => CONNECTION_PARTS.map((part) => `${name}__${part}`)),
  ]);
  return inEach(infra, (deployment) => {
    const found = settingsOf(deployment);
    if (!found) return [fault(START, "there are no app settings.")];
    const { resource, settings } = found;
    const missing = [...needed].filter((name) => !settings.has(name));
    const stray = [...settings].filter(([name]) => !needed.has(name));
    return [
      ...missing.map((name) => fault(resource.at, `the app settings lack ${name}.`)),
      ...stray.map(([name, value]) => fault(value.key!, `nothing reads the app setting ${name}.`)),
      ...wrongConnections(settings, connections),
    ];
  });
}

/** Queue triggers listen where the app sends, as the identity that the app's clients take too. */
function wrongConnections(settings: ReadonlyMap<string, Value>, connections: readonly string[]): Fault[] {
  const textOf = (name: string) => settings.get(name) && plain(settings.get(name)!);
  const same = (name: string, other: string) =>
    textOf(name) === textOf(other) ? [] : [fault(settings.get(name)?.key ?? START, `${name} is not ${other}.`)];
  return connections.flatMap((name) => [
    ...same(`${name}__queueServiceUri`, "CAIRN_QUEUE_ENDPOINT"),
    ...same(`${name}__clientId`, "AZURE_CLIENT_ID"),
    ...(textOf(`${name}__credential`) === "managedidentity"
      ? []
      : [fault(settings.get(`${name}__credential`)?.key ?? START, `${name}__credential is not 'managedidentity'.`)]),
  ]);
}

/** A queue for each queue function, and one for what fails; and nothing else. */
export function queueFaults(infra: Infra, code: Code): Fault[] {
  const needed = code.queues.flatMap(({ name }) => [name, `${name}-poison`]);
  return inEach(infra, (deployment) =>
    sameNames("queue", needed, made(deployment, "Microsoft.Storage/storageAccounts/queueServices/queues")),
  );
}

/** Containers of the data account are those that the app writes to. */
export function blobContainerFaults(infra: Infra, code: Code): Fault[] {
  return inEach(infra, (deployment) => {
    const endpoint = settingsOf(deployment)?.settings.get("CAIRN_BLOB_ENDPOINT");
    const account = String(endpoint && plain(endpoint)).split(/[<.]/)[1] ?? "";
    const all = made(deployment, "Microsoft.Storage/storageAccounts/blobServices/containers");
    return sameNames(
      "blob container",
      code.blobContainers,
      all.filter(({ name }) => name.startsWith(`${account}/`)),
    );
  });
}

/** The database and its containers, down to keys, unique keys and index. */
export function documentFaults(infra: Infra, code: Code): Fault[] {
  return inEach(infra, (deployment) => {
    const containers = made(deployment, "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers");
    const named = settingsOf(deployment)?.settings.get("CAIRN_COSMOS_DATABASE");
    const databases = made(deployment, "Microsoft.DocumentDB/databaseAccounts/sqlDatabases");
    return [
      ...sameNames("database", [code.database], databases),
      ...sameNames("database", named ? [String(plain(named))] : [], databases),
      ...sameNames(
        "container",
        code.documentContainers.map(({ id }) => id),
        containers,
      ),
      ...containers.flatMap((container) => wrongDefinition(container, code)),
      ...wrongConsistency(made(deployment, "Microsoft.DocumentDB/databaseAccounts")),
    ];
  });
}

function wrongDefinition(container: Resource, code: Code): Fault[] {
  const wanted = code.documentContainers.find(({ id }) => id === container.ownName);
  const resource = at(container.body.get("properties"), "resource");
  if (!wanted || resource?.kind !== "object") return [];
  const keys = new Set([...Object.keys(wanted), ...resource.entries.keys()]);
  return [...keys].flatMap((key) => {
    const value = resource.entries.get(key);
    const code = (wanted as unknown as Record<string, unknown>)[key];
    if (value && isDeepStrictEqual(plain(value), code)) return [];
    const place = value?.key ?? resource.key ?? resource.at;
    return [
      fault(
        place,
        `container ${wanted.id}: ${key} is ${shown(value && plain(value))}, in the code it is ${shown(code)}.`,
      ),
    ];
  });
}

const shown = (value: unknown) => JSON.stringify(value) ?? "missing";

/** The app finds what was acknowledged only so. */
function wrongConsistency(accounts: readonly Resource[]): Fault[] {
  return accounts.flatMap(({ body, at: place }) => {
    const level = at(body.get("properties"), "consistencyPolicy", "defaultConsistencyLevel");
    const locations = at(body.get("properties"), "locations");
    return [
      ...(level && plain(level) === "Strong" ? [] : [fault(level?.at ?? place, "the consistency is not Strong.")]),
      ...(locations?.kind === "list" && locations.items.length === 1
        ? []
        : [fault(locations?.key ?? place, "the account does not have exactly one region.")]),
    ];
  });
}

function sameNames(what: string, needed: readonly string[], resources: readonly Resource[]): Fault[] {
  const names = new Set(resources.map((it) => it.ownName));
  const missing = needed.filter((name) => !names.has(name));
  const stray = resources.filter((it) => !needed.includes(it.ownName));
  const place = resources[0]?.at ?? START;
  return [
    ...missing.map((name) => fault(place, `the ${what} ${name} is missing, which the app uses.`)),
    ...stray.map((it) => fault(it.body.get("name")?.at ?? it.at, `the app does not use the ${what} ${it.ownName}.`)),
  ];
}

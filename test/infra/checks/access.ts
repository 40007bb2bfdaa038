import type { Fault } from "../bicep/files.ts";
import { lineOf, type Node } from "../bicep/syntax.ts";
import type { Deployment } from "../bicep/template.ts";
import { at, plain, type Resource, type Value } from "../bicep/values.ts";
import { fault, type Infra, inEach, MAIN, made } from "../infra.ts";

/** Built-in roles by their ids, as Microsoft's documentation has them; those of Cosmos DB are for its data only. */
const ROLES = {
  "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
  "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
  "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
  "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
  "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
  "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
  "Cosmos DB Built-in Data Contributor": "00000000-0000-0000-0000-000000000002",
} as const;

type Role = keyof typeof ROLES;

interface Grant {
  readonly role: Role;
  /** Symbol in roles.bicep. */
  readonly on: string;
}

/** What the app does, and therefore must be allowed to do; not more. */
const NEEDED: readonly Grant[] = [
  { role: "Storage Blob Data Owner", on: "host" },
  { role: "Storage Queue Data Contributor", on: "host" },
  { role: "Storage Table Data Contributor", on: "host" },
  { role: "Storage Blob Data Contributor", on: "data" },
  { role: "Cosmos DB Built-in Data Contributor", on: "cosmos" },
  { role: "Key Vault Secrets Officer", on: "vault" },
  { role: "Monitoring Metrics Publisher", on: "component" },
];

/** Exactly the roles that the app needs, on exactly those resources, for its identity, before it exists. */
export function roleFaults(infra: Infra): Fault[] {
  return inEach(infra, (deployment) => {
    const assignments = [
      ...made(deployment, "Microsoft.Authorization/roleAssignments"),
      ...made(deployment, "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"),
    ];
    const granted = assignments.map((it) => ({
      it,
      role: roleOf(it),
      on: (it.parent ?? it.scope)?.symbol ?? "the group",
    }));
    const faults = granted.flatMap(({ it, role, on }) => {
      const place = idOf(it)?.at ?? it.at;
      if (!role) return [fault(place, `${String(idOf(it) && plain(idOf(it)!))} is no role that the app needs.`)];
      return NEEDED.some((need) => need.role === role && need.on === on)
        ? []
        : [fault(place, `the app does not need ${role} on ${on}.`)];
    });
    const missing = NEEDED.filter((need) => !granted.some(({ role, on }) => need.role === role && need.on === on));
    const place = assignments[0]?.at ?? { file: MAIN, line: 1 };
    return [
      ...faults,
      ...missing.map(({ role, on }) => fault(place, `the app needs ${role} on ${on}.`)),
      ...assignments.flatMap(wrongPrincipal),
      ...wrongOrder(deployment),
    ];
  });
}

const idOf = (assignment: Resource) => at(assignment.body.get("properties"), "roleDefinitionId");

function roleOf(assignment: Resource): Role | undefined {
  const id = idOf(assignment);
  const guid = id && String(plain(id)).split("/").at(-1);
  return (Object.keys(ROLES) as Role[]).find((role) => ROLES[role] === guid);
}

function wrongPrincipal(assignment: Resource): Fault[] {
  const principal = at(assignment.body.get("properties"), "principalId");
  return /^<id-.*\.properties\.principalId>$/.test(String(principal && plain(principal)))
    ? []
    : [fault(principal?.at ?? assignment.at, `${assignment.symbol} is not for the app's identity.`)];
}

/** The first start reads the package and takes leases, so the roles must be there before the site. */
function wrongOrder({ modules }: Deployment): Fault[] {
  const app = modules.find((it) => it.symbol === "functionapp");
  return app?.dependsOn.includes("roles")
    ? []
    : [fault(app?.at ?? { file: MAIN, line: 1 }, "the app does not wait for its roles.")];
}

/** Settings without which somebody gets in by a key, or without naming himself. */
const CLOSED: Readonly<Record<string, readonly (readonly [path: string, value: unknown])[]>> = {
  "Microsoft.Storage/storageAccounts": [
    ["properties.allowSharedKeyAccess", false],
    ["properties.allowBlobPublicAccess", false],
    ["properties.allowCrossTenantReplication", false],
    ["properties.defaultToOAuthAuthentication", true],
    ["properties.supportsHttpsTrafficOnly", true],
    ["properties.minimumTlsVersion", "TLS1_2"],
  ],
  "Microsoft.Storage/storageAccounts/blobServices/containers": [["properties.publicAccess", "None"]],
  "Microsoft.DocumentDB/databaseAccounts": [
    ["properties.disableLocalAuth", true],
    ["properties.disableKeyBasedMetadataWriteAccess", true],
    ["properties.minimalTlsVersion", "Tls12"],
  ],
  "Microsoft.KeyVault/vaults": [
    ["properties.enableRbacAuthorization", true],
    ["properties.enableSoftDelete", true],
  ],
  "Microsoft.Insights/components": [["properties.DisableLocalAuth", true]],
  "Microsoft.OperationalInsights/workspaces": [["properties.features.disableLocalAuth", true]],
  "Microsoft.Web/sites": [
    ["properties.httpsOnly", true],
    ["properties.siteConfig.ftpsState", "Disabled"],
    ["properties.siteConfig.minTlsVersion", "1.2"],
  ],
  "Microsoft.Web/sites/basicPublishingCredentialsPolicies": [["properties.allow", false]],
};

/** Passwords for publishing are off for both ways of it. */
const POLICIES = ["ftp", "scm"];

/** No key opens anything, nothing is open to all; with private endpoints, nothing but the app is reached from outside. */
export function keyFaults(infra: Infra): Fault[] {
  const settings = inEach(infra, (deployment) => [
    ...openSettings(deployment),
    ...openNetworks(deployment),
    ...openPublishing(deployment),
  ]);
  return [...settings, ...keyCalls(infra)];
}

function openSettings(deployment: Deployment): Fault[] {
  return Object.entries(CLOSED).flatMap(([type, rules]) =>
    made(deployment, type).flatMap((resource) =>
      rules.flatMap(([path, wanted]) => {
        const [first, ...rest] = path.split(".");
        const value = at(resource.body.get(first!), ...rest);
        if (value && plain(value) === wanted) return [];
        const place = value?.key ?? resource.body.get(first!)?.key ?? resource.at;
        return [fault(place, `${resource.symbol}: ${path} is not ${JSON.stringify(wanted)}.`)];
      }),
    ),
  );
}

function openNetworks(deployment: Deployment): Fault[] {
  const endpoints = made(deployment, "Microsoft.Network/privateEndpoints");
  if (endpoints.length === 0) return [];
  const guarded = [
    "Microsoft.Storage/storageAccounts",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.KeyVault/vaults",
  ];
  return guarded.flatMap((type) =>
    made(deployment, type).flatMap((resource) => {
      const access = at(resource.body.get("properties"), "publicNetworkAccess");
      const isReached = endpoints.some((it) =>
        JSON.stringify(plain(it.body.get("properties")!)).includes(`${resource.id}"`),
      );
      return [
        ...(access && plain(access) === "Disabled"
          ? []
          : [fault(access?.key ?? resource.at, `${resource.symbol} is public.`)]),
        ...(isReached ? [] : [fault(resource.at, `${resource.symbol} has no private endpoint.`)]),
      ];
    }),
  );
}

function openPublishing(deployment: Deployment): Fault[] {
  const names = made(deployment, "Microsoft.Web/sites/basicPublishingCredentialsPolicies").map((it) =>
    plain(it.body.get("name")!),
  );
  const [app] = made(deployment, "Microsoft.Web/sites");
  if (!app) return [];
  return POLICIES.filter((name) => !names.includes(name)).map((name) =>
    fault(app.at, `publishing by ${name} takes passwords.`),
  );
}

/** Calls that ask Azure for keys: `listKeys`, `listAccountSas` and their like, as functions or methods. */
function keyCalls({ sources }: Infra): Fault[] {
  return [...sources.values()].flatMap(({ file, root }) =>
    callsIn(root)
      .filter((call) => /^list[A-Z]/.test(nameOf(call)))
      .map((call) => fault({ file, line: lineOf(call) }, `${nameOf(call)}() asks for keys.`)),
  );
}

const callsIn = (root: Node) => root.descendantsOfType("call_expression").filter((it): it is Node => it !== null);

function nameOf(call: Node): string {
  const called = call.childForFieldName("function");
  return called?.childForFieldName("property")?.text ?? called?.text.split(".").at(-1) ?? "";
}

/** Outputs stay in the history of deployments, which many may read: none holds a secure parameter, a key, or what looks like one. */
export function secretFaults(infra: Infra): Fault[] {
  const named = [...infra.sources.values()].flatMap(({ file, root }) => {
    const secure = secureParams(root);
    return declared(root, "output_declaration").flatMap((output) => {
      const used = identifiersIn(output).filter((name) => secure.has(name));
      return used.map((name) => fault({ file, line: lineOf(output) }, `an output shows the secret ${name}.`));
    });
  });
  return [...named, ...inEach(infra, (deployment) => [...deployment.outputs.values()].flatMap(secretLooking))];
}

function secretLooking({ name, value }: { name: string; value: Value }): Fault[] {
  const text = `${name} ${String(plain(value))}`;
  return /connectionstring|secret|password|accountkey|primarykey|sharedkey|sig=/i.test(text)
    ? [fault(value.at, `the output ${name} looks like a secret.`)]
    : [];
}

/** Names of parameters under `@secure()`. */
function secureParams(root: Node): Set<string> {
  const names = new Set<string>();
  let isSecure = false;
  for (const node of root.namedChildren) {
    if (node?.type === "decorators") isSecure = /@secure\(\)/.test(node.text);
    else if (node?.type === "parameter_declaration" && isSecure) names.add(node.namedChildren[0]!.text);
    if (node && node.type !== "decorators" && !node.type.endsWith("comment")) isSecure = false;
  }
  return names;
}

function declared(root: Node, type: string): Node[] {
  return root.namedChildren.filter((it): it is Node => it?.type === type);
}

function identifiersIn(node: Node): string[] {
  return node.descendantsOfType("identifier").flatMap((it) => (it ? [it.text] : []));
}

import * as z from "zod/mini";
import { expectation } from "./expectation.ts";
import { InvalidSettings, shownSetting } from "./invalid-settings.ts";
import { INSIGHTS } from "./telemetry-settings.ts";

/** What the Functions host takes of a request body unless it is told otherwise (FUNCTIONS_REQUEST_BODY_SIZE_LIMIT). */
export const HOST_BODY_BYTES = 100 * 1024 * 1024;

/** The address of a service, and no more: what else stands in a URL may be a secret. */
function endpoint(protocol: RegExp, expected: string) {
  const isPlain = (text: string) => {
    const url = URL.parse(text);
    return url === null || (!url.username && !url.password && !/[?#;@]/.test(text));
  };
  return z.url({ protocol, error: expected }).check(z.refine(isPlain, `${expected}, without a query or credentials`));
}

const Url = endpoint(/^https?$/, "a URL with http or https is expected");

function wholeNumber(least: number, most: number) {
  const expected = `a whole number from ${least} to ${most} is expected`;
  return z.pipe(
    z.string().check(z.regex(/^\d{1,5}$/, expected)),
    z.pipe(z.transform(Number), z.number().check(z.minimum(least, expected), z.maximum(most, expected))),
  );
}

/** Whole days. */
const days = (least: number) => wholeNumber(least, 3650);

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const Guid = z.string().check(z.regex(GUID, "an id of 32 hex digits in five groups is expected"));
/** Texts between commas; deployments set what is not used to nothing. */
const List = z.pipe(
  z.string(),
  z.transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ),
);
const Origin = z
  .string()
  .check(z.refine((text) => URL.parse(text)?.origin === text, "an origin like https://cairn.example.com is expected"));
const PUBLIC_AUTHORITY = "https://login.microsoftonline.com";

/** Every setting of the app, by its name in the environment. */
const Environment = z.object({
  /** Days until what was soft-deleted goes for good; 0: never. */
  CAIRN_RETENTION_DAYS: z._default(days(0), 30),
  /** Days that is kept who did what. */
  CAIRN_EVENT_RETENTION_DAYS: z._default(days(1), 90),
  /** Bytes: the Functions host's own setting, read here to say it to whoever sends more. */
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: z._default(wholeNumber(1_048_576, 2_147_483_647), HOST_BODY_BYTES),
  /** Megabytes for what a process keeps of what it has read; without it a part of the memory it may have. */
  CAIRN_CACHE_MB: z.optional(wholeNumber(4, 65_536)),
  /** The Cosmos DB account, `https://<account>.documents.azure.com`. */
  CAIRN_COSMOS_ENDPOINT: z.optional(Url),
  CAIRN_COSMOS_DATABASE: z._default(
    z.string().check(z.regex(/^[A-Za-z0-9_-]{1,255}$/, "a name of letters, digits, '-' and '_' is expected")),
    "cairn",
  ),
  /** For emulators; without it the app's identity is used. */
  CAIRN_COSMOS_KEY: z.optional(z.string()),
  /** `https://<account>.blob.core.windows.net` */
  CAIRN_BLOB_ENDPOINT: z.optional(Url),
  /** `https://<account>.queue.core.windows.net` */
  CAIRN_QUEUE_ENDPOINT: z.optional(Url),
  /** `https://<vault>.vault.azure.net`; without it the local host keeps secrets in its data folder. */
  CAIRN_VAULT_ENDPOINT: z.optional(endpoint(/^https$/, "a URL with https is expected")),
  /** For emulators; without it the app's identity is used. */
  CAIRN_STORAGE_KEY: z.optional(z.string()),
  /** Whether the app may create the database and the containers, which a deployment makes otherwise. */
  CAIRN_CREATE_CONTAINERS: z._default(z.stringbool(), false),
  /** The tenant whose users may come with tokens of Microsoft Entra ID. */
  CAIRN_ENTRA_TENANT: z.optional(Guid),
  /** Whom their tokens are made out to: client ids or URIs of app registrations, with commas between. */
  CAIRN_ENTRA_AUDIENCE: z.optional(List),
  /** Scopes of the registration, one of which a user's token must have, with commas between; without it any will do. */
  CAIRN_ENTRA_SCOPES: z.optional(List),
  /** Roles of the registration, one of which the token of an app or managed identity must have; without it any will do. */
  CAIRN_ENTRA_ROLES: z.optional(List),
  /** Who issues them, in national clouds. */
  CAIRN_ENTRA_AUTHORITY: z._default(endpoint(/^https?$/, "a URL with https is expected"), PUBLIC_AUTHORITY),
  /** Object ids of those who own every workspace, with commas between. */
  CAIRN_OWNERS: z._default(z.pipe(List, z.array(Guid)), []),
  /** Origins of pages that may call the workspace from a browser besides its own, with commas between. */
  CAIRN_ORIGINS: z._default(z.pipe(List, z.array(Origin)), []),
  /** The Application Insights component that takes telemetry; without it there is none. The Functions host reads it too. */
  APPLICATIONINSIGHTS_CONNECTION_STRING: z.optional(
    z.string().check(z.regex(INSIGHTS, "InstrumentationKey=<id>;IngestionEndpoint=https://… is expected")),
  ),
  /** `Authorization=AAD`, with a client id, where the component takes identities only. The Functions host reads it too. */
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: z.optional(z.string()),
});

/** Their names, for whoever provides them. */
export const SETTING_NAMES: readonly string[] = Object.keys(Environment.shape);

/** Where documents, blobs and queues are, when they are in Azure. */
export interface AzureStores {
  readonly cosmos: { readonly endpoint: string; readonly database: string; readonly key: string | undefined };
  readonly blobEndpoint: string;
  readonly queueEndpoint: string;
  readonly storageKey: string | undefined;
  readonly vaultEndpoint: string | undefined;
  readonly createContainers: boolean;
}

/** Whose tokens of Microsoft Entra ID are taken. */
export interface EntraSettings {
  /** `https://login.microsoftonline.com`, or that of a national cloud. */
  readonly authority: string;
  /** The id of the tenant; users of others have no way in. */
  readonly tenant: string;
  /** Whom a token must be made out to: the app registration, by its client id or its URI. */
  readonly audiences: readonly string[];
  /** Scopes of the registration, one of which a user's token must have; absent: any. */
  readonly scopes?: readonly string[];
  /** Roles of the registration, one of which the token of an app or managed identity must have; absent: any. */
  readonly roles?: readonly string[];
}

export interface Config {
  readonly retentionDays: number;
  readonly eventRetentionDays: number;
  /** Of one request, where the platform limits bodies. */
  readonly bodyLimitBytes: number;
  /** Undefined: what the memory there is allows. */
  readonly cacheMb: number | undefined;
  /** Undefined: the embedded stores of the local host. */
  readonly azure: AzureStores | undefined;
  /** Undefined: tokens of Microsoft Entra ID are not taken. */
  readonly entra: EntraSettings | undefined;
  /** Object ids, in lower case. */
  readonly owners: readonly string[];
  readonly origins: readonly string[];
}

const ENDPOINTS = ["CAIRN_COSMOS_ENDPOINT", "CAIRN_BLOB_ENDPOINT", "CAIRN_QUEUE_ENDPOINT"] as const;
const SECRETS = /_(KEY|STRING)$/;

/** A setting as faults show it: a secret may have been pasted into any. */
function shown(name: string, value = ""): string {
  return `${name}=${SECRETS.test(name) ? "…" : shownSetting(value)}`;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings of the app. Nothing else looks at the environment, but for `telemetry-settings.ts`.
 * @param variables what is blank is not set
 * @param needsStores nobody else provides stores: it is a fault to name none
 * @throws InvalidSettings listing all faults at once; what may be a secret is not shown
 */
export function readConfig(variables: Variables = process.env, needsStores = false): Config {
  const environment = Object.fromEntries(Object.entries(variables).filter(([, value]) => value?.trim() !== ""));
  const parsed = Environment.safeParse(environment, { error: expectation });
  const faults = (parsed.error?.issues ?? []).map(({ path, message }) => {
    const name = String(path[0]);
    return `${shown(name, environment[name])}: ${message}.`;
  });
  faults.push(
    ...missingEndpoints(environment, needsStores),
    ...entraFaults(environment),
    ...productionFaults(environment),
  );
  if (faults.length > 0 || !parsed.success) {
    throw new InvalidSettings(`The settings are not valid:\n  ${[...new Set(faults)].join("\n  ")}`);
  }
  const settings = parsed.data;
  return Object.freeze({
    retentionDays: settings.CAIRN_RETENTION_DAYS,
    eventRetentionDays: settings.CAIRN_EVENT_RETENTION_DAYS,
    bodyLimitBytes: settings.FUNCTIONS_REQUEST_BODY_SIZE_LIMIT,
    cacheMb: settings.CAIRN_CACHE_MB,
    azure: azureStores(settings),
    entra: entraSettings(settings),
    owners: settings.CAIRN_OWNERS.map((id) => id.toLowerCase()),
    origins: settings.CAIRN_ORIGINS,
  });
}

function entraFaults(environment: Record<string, string | undefined>): string[] {
  const { CAIRN_ENTRA_TENANT: tenant, CAIRN_ENTRA_AUDIENCE: audience, CAIRN_OWNERS: owners } = environment;
  const faults: string[] = [];
  if (!tenant !== !audience)
    faults.push("CAIRN_ENTRA_TENANT and CAIRN_ENTRA_AUDIENCE belong together: one is missing.");
  if (owners && !tenant)
    faults.push("CAIRN_OWNERS is set, but CAIRN_ENTRA_TENANT is not: nobody could come as one of them.");
  const authority = URL.parse(environment.CAIRN_ENTRA_AUTHORITY ?? PUBLIC_AUTHORITY);
  if (authority?.protocol === "http:" && !LOOPBACK.includes(authority.hostname)) {
    faults.push(`${shown("CAIRN_ENTRA_AUTHORITY", environment.CAIRN_ENTRA_AUTHORITY)}: a URL with https is expected.`);
  }
  return faults;
}

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

function entraSettings(settings: z.output<typeof Environment>): EntraSettings | undefined {
  const { CAIRN_ENTRA_TENANT: tenant, CAIRN_ENTRA_AUDIENCE: named } = settings;
  if (!tenant || !named) return undefined;
  // Tokens of version 2 name the client id, those of version 1 often its URI.
  const audiences = named.flatMap((audience) => (GUID.test(audience) ? [audience, `api://${audience}`] : [audience]));
  const authority = settings.CAIRN_ENTRA_AUTHORITY.replace(/\/+$/, "");
  const { CAIRN_ENTRA_SCOPES: scopes, CAIRN_ENTRA_ROLES: roles } = settings;
  return { authority, tenant: tenant.toLowerCase(), audiences, ...(scopes && { scopes }), ...(roles && { roles }) };
}

/** What is for emulators and developers would open a deployment to whoever knows it. The platform says where this runs. */
function productionFaults(environment: Record<string, string | undefined>): string[] {
  if (environment.AZURE_FUNCTIONS_ENVIRONMENT !== "Production") return [];
  const keys = ["CAIRN_COSMOS_KEY", "CAIRN_STORAGE_KEY"].filter((name) => environment[name]);
  const plain = [...ENDPOINTS, "CAIRN_ENTRA_AUTHORITY"].filter((name) => environment[name]?.startsWith("http:"));
  return [
    ...keys.map((name) => `${name} is set: in production the app comes with its identity, not with a key.`),
    ...plain.map((name) => `${shown(name, environment[name])}: in production a URL with https is expected.`),
  ];
}

/** The stores of Azure are used all together or not at all. */
function missingEndpoints(environment: Record<string, string | undefined>, needsStores: boolean): string[] {
  const missing = ENDPOINTS.filter((name) => !environment[name]);
  if (missing.length === ENDPOINTS.length && !needsStores) {
    const stray = ["CAIRN_COSMOS_KEY", "CAIRN_STORAGE_KEY", "CAIRN_VAULT_ENDPOINT"].filter((name) => environment[name]);
    return stray.map((name) => `${name} is set, but none of ${ENDPOINTS.join(", ")} is.`);
  }
  return missing.map((name) => `${name} is missing: ${ENDPOINTS.join(", ")} belong together.`);
}

function azureStores(settings: z.output<typeof Environment>): AzureStores | undefined {
  const { CAIRN_COSMOS_ENDPOINT, CAIRN_BLOB_ENDPOINT, CAIRN_QUEUE_ENDPOINT } = settings;
  if (!CAIRN_COSMOS_ENDPOINT || !CAIRN_BLOB_ENDPOINT || !CAIRN_QUEUE_ENDPOINT) return undefined;
  return {
    cosmos: {
      endpoint: CAIRN_COSMOS_ENDPOINT,
      database: settings.CAIRN_COSMOS_DATABASE,
      key: settings.CAIRN_COSMOS_KEY,
    },
    blobEndpoint: CAIRN_BLOB_ENDPOINT,
    queueEndpoint: CAIRN_QUEUE_ENDPOINT,
    storageKey: settings.CAIRN_STORAGE_KEY,
    vaultEndpoint: settings.CAIRN_VAULT_ENDPOINT,
    createContainers: settings.CAIRN_CREATE_CONTAINERS,
  };
}

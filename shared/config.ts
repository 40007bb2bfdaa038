import * as z from "zod/mini";

/** A fault of the settings, told to whoever runs the app. */
export class InvalidSettings extends Error {
  override name = "InvalidSettings";
}

const Url = z.url({ protocol: /^https?$/, error: "a URL with http or https is expected" });

/** Every setting of the app, by its name in the environment. */
const Environment = z.object({
  /** Days until what was soft-deleted goes for good; 0: never. */
  CAIRN_RETENTION_DAYS: z._default(z.coerce.number().check(z.int(), z.minimum(0), z.maximum(3650)), 30),
  /** The Cosmos DB account, `https://<account>.documents.azure.com`. */
  CAIRN_COSMOS_ENDPOINT: z.optional(Url),
  CAIRN_COSMOS_DATABASE: z._default(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,255}$/)), "cairn"),
  /** For emulators; without it the app's identity is used. */
  CAIRN_COSMOS_KEY: z.optional(z.string()),
  /** `https://<account>.blob.core.windows.net` */
  CAIRN_BLOB_ENDPOINT: z.optional(Url),
  /** `https://<account>.queue.core.windows.net` */
  CAIRN_QUEUE_ENDPOINT: z.optional(Url),
  /** For emulators; without it the app's identity is used. */
  CAIRN_STORAGE_KEY: z.optional(z.string()),
  /** Whether the app may create the database and the containers, which a deployment makes otherwise. */
  CAIRN_CREATE_CONTAINERS: z._default(z.stringbool(), false),
});

/** Their names, for whoever provides them. */
export const SETTING_NAMES: readonly string[] = Object.keys(Environment.shape);

/** Where documents, blobs and queues are, when they are in Azure. */
export interface AzureStores {
  readonly cosmos: { readonly endpoint: string; readonly database: string; readonly key: string | undefined };
  readonly blobEndpoint: string;
  readonly queueEndpoint: string;
  readonly storageKey: string | undefined;
  readonly createContainers: boolean;
}

export interface Config {
  readonly retentionDays: number;
  /** Undefined: the embedded stores of the local host. */
  readonly azure: AzureStores | undefined;
}

const ENDPOINTS = ["CAIRN_COSMOS_ENDPOINT", "CAIRN_BLOB_ENDPOINT", "CAIRN_QUEUE_ENDPOINT"] as const;
const SECRETS = /_KEY$/;

/**
 * Reads the settings of the app. The only place that looks at the environment.
 * @throws InvalidSettings listing all faults at once; values of keys are not shown
 */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const parsed = Environment.safeParse(environment);
  const faults = (parsed.error?.issues ?? []).map(({ path, message }) => {
    const name = path.join(".");
    return `${name}=${SECRETS.test(name) ? "…" : environment[name]}: ${message}`;
  });
  faults.push(...missingEndpoints(environment));
  if (faults.length > 0 || !parsed.success) {
    throw new InvalidSettings(`The settings are not valid:\n  ${faults.join("\n  ")}`);
  }
  const settings = parsed.data;
  return Object.freeze({ retentionDays: settings.CAIRN_RETENTION_DAYS, azure: azureStores(settings) });
}

/** The stores of Azure are used all together or not at all. */
function missingEndpoints(environment: Record<string, string | undefined>): string[] {
  const missing = ENDPOINTS.filter((name) => !environment[name]);
  if (missing.length === ENDPOINTS.length) {
    const stray = ["CAIRN_COSMOS_KEY", "CAIRN_STORAGE_KEY"].filter((name) => environment[name]);
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
    createContainers: settings.CAIRN_CREATE_CONTAINERS,
  };
}

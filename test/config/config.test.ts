import { describe, expect, test } from "vitest";
import { readConfig, SETTING_NAMES } from "../../shared/config.ts";
import { InvalidSettings } from "../../shared/invalid-settings.ts";
import { telemetrySettings } from "../../shared/telemetry-settings.ts";

const AZURE = {
  CAIRN_COSMOS_ENDPOINT: "https://team.documents.azure.com",
  CAIRN_BLOB_ENDPOINT: "https://team.blob.core.windows.net",
  CAIRN_QUEUE_ENDPOINT: "https://team.queue.core.windows.net",
};

function faultsOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidSettings);
    return (error as Error).message;
  }
}

describe("readConfig", () => {
  test.each(["", " ", "\t"])("a setting that is blank (%j) is none", (blank) => {
    const blanks = Object.fromEntries(SETTING_NAMES.map((name) => [name, blank]));
    expect(readConfig(blanks)).toEqual(readConfig({}));
  });

  test("without settings: embedded stores, soft-deleted things stay 30 days", () => {
    expect(readConfig({})).toEqual({
      retentionDays: 30,
      eventRetentionDays: 90,
      bodyLimitBytes: 100 * 1024 * 1024,
      azure: undefined,
      entra: undefined,
      owners: [],
      origins: [],
    });
  });

  test("with three endpoints: the stores of Azure, the app's identity, nothing created", () => {
    expect(readConfig({ ...AZURE, CAIRN_RETENTION_DAYS: "0" })).toEqual({
      retentionDays: 0,
      eventRetentionDays: 90,
      bodyLimitBytes: 100 * 1024 * 1024,
      azure: {
        cosmos: { endpoint: AZURE.CAIRN_COSMOS_ENDPOINT, database: "cairn", key: undefined },
        blobEndpoint: AZURE.CAIRN_BLOB_ENDPOINT,
        queueEndpoint: AZURE.CAIRN_QUEUE_ENDPOINT,
        storageKey: undefined,
        vaultEndpoint: undefined,
        createContainers: false,
      },
      entra: undefined,
      owners: [],
      origins: [],
    });
  });

  test("lists all faults at once, each with its name, and shows no key", () => {
    const message = faultsOf({
      CAIRN_RETENTION_DAYS: "soon",
      CAIRN_EVENT_RETENTION_DAYS: "0",
      CAIRN_COSMOS_ENDPOINT: "cosmos",
      CAIRN_BLOB_ENDPOINT: "ftp://team",
      CAIRN_STORAGE_KEY: "c2VjcmV0",
      CAIRN_CREATE_CONTAINERS: "perhaps",
    });
    expect(message).toContain("CAIRN_RETENTION_DAYS=soon");
    expect(message).toContain("CAIRN_EVENT_RETENTION_DAYS=0");
    expect(message).toContain("CAIRN_COSMOS_ENDPOINT=cosmos");
    expect(message).toContain("CAIRN_BLOB_ENDPOINT=ftp://team");
    expect(message).toContain("CAIRN_CREATE_CONTAINERS=perhaps");
    expect(message).toContain("CAIRN_QUEUE_ENDPOINT is missing");
    expect(message).not.toContain("c2VjcmV0");
  });

  test("shows nothing that may be a secret, in whatever setting it was pasted", () => {
    const secret = "c2VjcmV0LW9mLXRoZS1hY2NvdW50";
    const pasted = [
      `AccountEndpoint=https://team.documents.azure.com:443/;AccountKey=${secret};`,
      `https://team.blob.core.windows.net/?sv=2024-11-04&sig=${secret}`,
      `https://team:${secret}@team.blob.core.windows.net`,
      `https://${secret}@team.blob.core.windows.net`,
      `https://team.blob.core.windows.net/;SharedAccessSignature=${secret}`,
      `DefaultEndpointsProtocol=https;AccountName=team;AccountKey=${secret}`,
      `https://team.blob.core.windows.net/#${secret}`,
      `password=${secret}`,
    ];
    for (const value of pasted) {
      for (const name of SETTING_NAMES) {
        for (const more of [{} as Record<string, string>, { AZURE_FUNCTIONS_ENVIRONMENT: "Production" }]) {
          const message = faultsOf({ ...AZURE, ...more, [name]: value });
          expect(message, `${name}=${value}`).not.toContain(secret);
          if (/ENDPOINT|AUTHORITY|DAYS|DATABASE|TENANT|OWNERS|CONTAINERS/.test(name)) {
            expect(message, `${name}=${value}`).toContain(name);
          }
        }
      }
    }
  });

  test.each(["1.5", "1e2", "0x10", "-1", "3651", "soon"])("days are whole numbers, not %j", (days) => {
    expect(faultsOf({ CAIRN_RETENTION_DAYS: days })).toContain(
      `CAIRN_RETENTION_DAYS=${days}: a whole number from 0 to 3650 is expected.`,
    );
  });

  test("refuses in production what is for emulators: keys, and addresses without TLS", () => {
    const emulated = {
      ...AZURE,
      CAIRN_BLOB_ENDPOINT: "http://127.0.0.1:10000/devstoreaccount1",
      CAIRN_STORAGE_KEY: "eA==",
    };
    expect(faultsOf(emulated)).toBe("");
    const message = faultsOf({ ...emulated, AZURE_FUNCTIONS_ENVIRONMENT: "Production" });
    expect(message).toContain("CAIRN_STORAGE_KEY is set: in production");
    expect(message).toContain("CAIRN_BLOB_ENDPOINT=http://127.0.0.1:10000/devstoreaccount1: in production");
    expect(message).not.toContain("eA==");
    expect(faultsOf({ ...AZURE, AZURE_FUNCTIONS_ENVIRONMENT: "Production" })).toBe("");
  });

  test("refuses a key without its endpoint", () => {
    expect(faultsOf({ CAIRN_COSMOS_KEY: "eA==" })).toMatch(/CAIRN_COSMOS_KEY is set, but none of/);
  });

  test("with a tenant and an audience: tokens of Microsoft Entra ID, by id and by URI; ids have no case", () => {
    const id = "ABCDEFAB-0000-4000-8000-ABCDEFABCDEF";
    const lower = id.toLowerCase();
    const { entra, owners } = readConfig({
      CAIRN_ENTRA_TENANT: id,
      CAIRN_ENTRA_AUDIENCE: `${lower}, api://team`,
      CAIRN_OWNERS: `${id},${lower} ,`,
    });
    expect(entra).toEqual({
      authority: "https://login.microsoftonline.com",
      tenant: lower,
      audiences: [lower, `api://${lower}`, "api://team"],
    });
    expect(owners).toEqual([lower, lower]);
    const named = {
      CAIRN_ENTRA_TENANT: id,
      CAIRN_ENTRA_AUDIENCE: id,
      CAIRN_ENTRA_SCOPES: "a, b",
      CAIRN_ENTRA_ROLES: "c",
    };
    expect(readConfig(named).entra).toMatchObject({ scopes: ["a", "b"], roles: ["c"] });
  });

  test("takes the origins of pages, and nothing with a path", () => {
    const origins = "https://cairn.example.com, http://localhost:3000";
    expect(readConfig({ CAIRN_ORIGINS: origins }).origins).toEqual(origins.split(", "));
    for (const wrong of ["cairn.example.com", "https://cairn.example.com/", "*", "https://*.example.com/x"]) {
      expect(faultsOf({ CAIRN_ORIGINS: wrong })).toMatch(/an origin like https/);
    }
  });

  test("an empty setting is none", () => {
    const environment = {
      CAIRN_ORIGINS: "",
      CAIRN_ENTRA_TENANT: "",
      CAIRN_ENTRA_AUDIENCE: "",
      CAIRN_OWNERS: "",
      CAIRN_ENTRA_AUTHORITY: "",
    };
    expect(readConfig(environment)).toEqual(readConfig({}));
  });

  test("refuses half of what tokens need, and an issuer without TLS on the network", () => {
    const tenant = "11111111-2222-4333-8444-555555555555";
    expect(faultsOf({ CAIRN_ENTRA_TENANT: tenant })).toMatch(/AUDIENCE belong together/);
    expect(faultsOf({ CAIRN_ENTRA_AUDIENCE: "a" })).toMatch(/AUDIENCE belong together/);
    expect(faultsOf({ CAIRN_OWNERS: tenant })).toMatch(/nobody could come as one of them/);
    const message = faultsOf({
      CAIRN_ENTRA_TENANT: "common",
      CAIRN_ENTRA_AUDIENCE: "a",
      CAIRN_OWNERS: "ada",
      CAIRN_ENTRA_AUTHORITY: "http://login.example",
    });
    for (const name of ["TENANT=common", "OWNERS=ada", "AUTHORITY=http://login.example"]) {
      expect(message).toContain(`CAIRN_${name.startsWith("OWNERS") ? name : `ENTRA_${name}`}`);
    }
  });
});

describe("telemetrySettings", () => {
  const KEY = "InstrumentationKey=00000000-1111-4222-8333-444444444444";
  const NAME = "APPLICATIONINSIGHTS_CONNECTION_STRING";

  test("without a connection string, or with a wrong one: no telemetry; the wrong one is a fault, and is not shown", () => {
    expect(telemetrySettings({})).toBeUndefined();
    expect(telemetrySettings({ [NAME]: "" })).toBeUndefined();
    expect(telemetrySettings({ [NAME]: "InstrumentationKey=c2VjcmV0" })).toBeUndefined();
    const message = faultsOf({ [NAME]: "InstrumentationKey=c2VjcmV0" });
    expect(message).toMatch(/APPLICATIONINSIGHTS_CONNECTION_STRING=…: InstrumentationKey=<id>/);
    expect(message).not.toContain("c2VjcmV0");
  });

  test("what the platform says: with which credential, and whether the Functions host reports too", () => {
    const here = { connectionString: KEY, withIdentity: false, hostReports: false, roleName: "cairn" };
    expect(telemetrySettings({ [NAME]: `${KEY};` })).toEqual(here);
    expect(
      telemetrySettings({
        [NAME]: KEY,
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: "ClientId=1;Authorization=AAD",
        AZURE_FUNCTIONS_ENVIRONMENT: "Production",
        WEBSITE_SITE_NAME: "team",
      }),
    ).toEqual({ connectionString: KEY, withIdentity: true, hostReports: true, roleName: "team" });
    expect(faultsOf({ [NAME]: `${KEY};IngestionEndpoint=https://westeurope.in.example/;ApplicationId=1` })).toBe("");
  });
});

import { describe, expect, test } from "vitest";
import { InvalidSettings, readConfig } from "../../shared/config.ts";

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
  test("without settings: embedded stores, soft-deleted things stay 30 days", () => {
    expect(readConfig({})).toEqual({ retentionDays: 30, azure: undefined });
  });

  test("with three endpoints: the stores of Azure, the app's identity, nothing created", () => {
    expect(readConfig({ ...AZURE, CAIRN_RETENTION_DAYS: "0" })).toEqual({
      retentionDays: 0,
      azure: {
        cosmos: { endpoint: AZURE.CAIRN_COSMOS_ENDPOINT, database: "cairn", key: undefined },
        blobEndpoint: AZURE.CAIRN_BLOB_ENDPOINT,
        queueEndpoint: AZURE.CAIRN_QUEUE_ENDPOINT,
        storageKey: undefined,
        createContainers: false,
      },
    });
  });

  test("lists all faults at once, each with its name, and shows no key", () => {
    const message = faultsOf({
      CAIRN_RETENTION_DAYS: "soon",
      CAIRN_COSMOS_ENDPOINT: "cosmos",
      CAIRN_BLOB_ENDPOINT: "ftp://team",
      CAIRN_STORAGE_KEY: "c2VjcmV0",
      CAIRN_CREATE_CONTAINERS: "perhaps",
    });
    expect(message).toContain("CAIRN_RETENTION_DAYS=soon");
    expect(message).toContain("CAIRN_COSMOS_ENDPOINT=cosmos");
    expect(message).toContain("CAIRN_BLOB_ENDPOINT=ftp://team");
    expect(message).toContain("CAIRN_CREATE_CONTAINERS=perhaps");
    expect(message).toContain("CAIRN_QUEUE_ENDPOINT is missing");
    expect(message).not.toContain("c2VjcmV0");
  });

  test("refuses a key without its endpoint", () => {
    expect(faultsOf({ CAIRN_COSMOS_KEY: "eA==" })).toMatch(/CAIRN_COSMOS_KEY is set, but none of/);
  });
});

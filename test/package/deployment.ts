import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openAzureBlobs } from "../../shared/drivers/azure-blob/open-azure-blobs.ts";
import { openCosmos } from "../../shared/drivers/cosmos/open-cosmos.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { openStorageQueues } from "../../shared/drivers/storage-queue/open-storage-queues.ts";
import { startSecureAzurite, tokenCredential } from "../drivers/support/azurite.ts";
import { KEY, startEmulator } from "../drivers/support/cosmos-emulator.ts";
import { startVault } from "../drivers/support/key-vault.ts";
import { startIngestion } from "../setup/ingestion.ts";
import { openAround, type usePackage } from "./support.ts";

export const VAULT_RESOURCE = "https://vault.azure.net";
const VAULT_TOKEN = "a-token-for-vaults";
export const CLIENT_ID = "11111111-2222-4333-8444-555555555555";
type Made = ReturnType<typeof usePackage>;

/** What gives tokens to an app on Functions, for the identity that it names. */
async function startIdentityEndpoint() {
  const asked: { clientId: string | null; resource: string | null }[] = [];
  const server = createServer(async (request, response) => {
    const { searchParams } = new URL(request.url!, "http://localhost");
    const [clientId, resource] = ["client_id", "resource"].map((name) => searchParams.get(name));
    if (request.headers["x-identity-header"] !== "header") return void response.writeHead(400).end();
    asked.push({ clientId: clientId!, resource: resource! });
    const { token: storageToken, expiresOnTimestamp } = (await tokenCredential().getToken(""))!;
    const token = resource === VAULT_RESOURCE ? VAULT_TOKEN : storageToken;
    const expires = String(Math.floor(expiresOnTimestamp / 1000));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ access_token: token, expires_on: expires, resource, token_type: "Bearer" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/msi/token`, asked, close: () => void server.close() };
}

/** The certificates that this process was told to trust, and more. */
function certificatesWith(made: Made, ...more: string[]): string {
  const file = join(made.out, "certificates.pem");
  const others = process.env.NODE_EXTRA_CA_CERTS;
  writeFileSync(file, `${others ? readFileSync(others, "utf8") : ""}\n${more.join("\n")}`);
  return file;
}

/** The package as a deployment runs it, with the settings of infra/ but for one: the emulator of Cosmos DB speaks no TLS, and takes a key. */
export async function deploy(made: Made) {
  const [cosmos, azurite, vault, identity, ingestion] = await Promise.all([
    startEmulator(),
    startSecureAzurite(),
    startVault("team.vault.azure.net", VAULT_TOKEN),
    startIdentityEndpoint(),
    startIngestion(),
  ]);
  made.atEnd(() => ingestion.close());
  made.atEnd(() => cosmos.stop());
  made.atEnd(() => void azurite.close());
  made.atEnd(() => void vault.close());
  made.atEnd(() => identity.close());
  const machine = { clock: machineClock, ids: machineIds };
  const { documents, createContainers, close } = await openCosmos({ endpoint: cosmos.endpoint, key: KEY, ...machine });
  made.atEnd(() => void close());
  await createContainers();
  const credential = tokenCredential();
  const blobs = openAzureBlobs({ endpoint: azurite.blobs, credential, createContainers: true, ...machine });
  const queue = openStorageQueues({ endpoint: azurite.queues, credential, ids: machineIds });
  const around = await openAround({ documents, blobs, queue, secrets: undefined });
  const certificates = certificatesWith(made, azurite.certificate!, vault.certificate, ingestion.certificate);
  const { url } = await made.start({
    CAIRN_COSMOS_ENDPOINT: cosmos.endpoint,
    CAIRN_COSMOS_KEY: KEY,
    CAIRN_BLOB_ENDPOINT: azurite.blobs,
    CAIRN_QUEUE_ENDPOINT: azurite.queues,
    CAIRN_VAULT_ENDPOINT: vault.endpoint,
    CAIRN_CREATE_CONTAINERS: "true",
    AZURE_CLIENT_ID: CLIENT_ID,
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    IDENTITY_ENDPOINT: identity.url,
    IDENTITY_HEADER: "header",
    ...ingestion.env,
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${CLIENT_ID};Authorization=AAD`,
    NODE_EXTRA_CA_CERTS: certificates,
  });
  return { ...around, url, certificates, vault, ingestion, asked: identity.asked };
}

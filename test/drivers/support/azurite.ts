import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { TokenCredential } from "@azure/identity";
import type { AccountKey } from "../../../shared/drivers/common/storage-credential.ts";
import { type ServerCertificate, selfSignedCertificate } from "./azurite-certificate.ts";

/** Where Azurite is installed; `npm test` prepares it and names it in the environment. */
const FOLDER = process.env.CAIRN_TEST_AZURITE;

const MISSING = "CAIRN_TEST_AZURITE names no installed Azurite";

/** Whether suites that need Azurite run, and what their titles say when they do not. */
export const WITH_AZURITE = {
  available: FOLDER !== undefined,
  note: FOLDER === undefined ? ` [skipped: ${MISSING}]` : "",
};

/** The account that every Azurite has; its key is published. */
export const ACCOUNT_KEY: AccountKey = {
  accountName: "devstoreaccount1",
  accountKey: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
};

export interface Azurite {
  /** Endpoints of the account. */
  readonly blobs: string;
  readonly queues: string;
  /** As PEM, behind https. */
  readonly certificate?: string;
  close(): Promise<void>;
}

/** Azurite as a process of its own that keeps everything in memory, behind http. */
export function startAzurite(): Promise<Azurite> {
  return start([], () => undefined);
}

/** One for the process: of two trusted certificates with the same name the wrong one would be tried. */
let trusted: ServerCertificate | undefined;

function trustedCertificate(): ServerCertificate {
  if (trusted === undefined) {
    trusted = selfSignedCertificate();
    setDefaultCACertificates([...getCACertificates("default"), trusted.certificate]);
  }
  return trusted;
}

/** Azurite behind https that takes access tokens; this process trusts its certificate from now on. */
export async function startSecureAzurite(): Promise<Azurite> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-azurite-"));
  const { key, certificate } = trustedCertificate();
  const [keyFile, certificateFile] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  writeFileSync(keyFile, key);
  writeFileSync(certificateFile, certificate);
  const azurite = await start(["--oauth", "basic", "--cert", certificateFile, "--key", keyFile], () =>
    rmSync(folder, { recursive: true, force: true }),
  );
  return { ...azurite, certificate };
}

/** Gives the unsigned tokens that Azurite takes. */
export function tokenCredential({ lifetimeSeconds = 3_600 } = {}): TokenCredential {
  return {
    async getToken() {
      const expiresOnTimestamp = Date.now() + lifetimeSeconds * 1_000;
      return { token: unsignedToken(expiresOnTimestamp), expiresOnTimestamp };
    },
  };
}

function unsignedToken(expiresMs: number): string {
  const claims = {
    aud: "https://storage.azure.com",
    iss: "https://sts.windows.net/00000000-0000-0000-0000-000000000001/",
    tid: "00000000-0000-0000-0000-000000000001",
    oid: "00000000-0000-0000-0000-000000000002",
    iat: Math.floor(Date.now() / 1_000) - 7_200,
    nbf: Math.floor(Date.now() / 1_000) - 7_200,
    exp: Math.floor(expiresMs / 1_000),
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.unsigned`;
}

const FLAGS = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"];
const FREE_PORTS = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"];

async function start(flags: readonly string[], cleanUp: () => void): Promise<Azurite> {
  if (FOLDER === undefined) throw new Error(MISSING);
  const program = join(FOLDER, "node_modules", "azurite", "dist", "src", "azurite.js");
  const child = spawn(process.execPath, [program, ...FLAGS, ...FREE_PORTS, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const output = await outputUntilReady(child);
  const endpointOf = (service: string) => {
    const url = new RegExp(`${service} service is successfully listening at (\\S+)`).exec(output)?.[1];
    return `${url}/${ACCOUNT_KEY.accountName}`;
  };
  return {
    blobs: endpointOf("Blob"),
    queues: endpointOf("Queue"),
    async close() {
      const ended = new Promise((resolve) => child.once("close", resolve));
      kill();
      await ended;
      process.off("exit", kill);
      cleanUp();
    },
  };
}

/** Azurite starts its services one after another, tables last. */
function outputUntilReady(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (text: string) => {
      output += text;
      if (output.includes("Table service is successfully listening")) resolve(output);
    };
    child.stdout?.setEncoding("utf8").on("data", read);
    child.stderr?.setEncoding("utf8").on("data", read);
    child.once("error", reject);
    child.once("close", () => reject(new Error(`Azurite did not start:\n${output}`)));
  });
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { selfSignedCertificate } from "../drivers/support/azurite-certificate.ts";

/** One thing that Application Insights is told, in the form of its ingestion endpoint. */
export interface Envelope {
  readonly tags: Readonly<Record<string, string>>;
  readonly data: { readonly baseType: string; readonly baseData: BaseData };
}

interface BaseData {
  readonly id: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Of metrics. */
  readonly metrics: readonly { readonly name: string; readonly value: number; readonly count?: number }[];
}

export interface Ingestion {
  /** Settings with which an app reports here. */
  readonly env: Record<string, string>;
  /** As PEM; `env` makes it trusted. */
  readonly certificate: string;
  /** What has arrived so far, of one type or of all. */
  envelopes(baseType?: string): Envelope[];
  /** All bodies as they came, unpacked. */
  text(): string;
  /** The credentials that they came with. */
  readonly authorizations: (string | undefined)[];
  close(): void;
}

/** Takes telemetry over TLS as Application Insights does, and keeps it. */
export async function startIngestion(): Promise<Ingestion> {
  // Its own name, as of two certificates of one name a client may try the wrong one.
  const { key, certificate } = selfSignedCertificate("ingestion.localhost");
  const bodies: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer({ key, cert: certificate }, async (request, response) => {
    const body = await buffer(request);
    bodies.push((request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString());
    authorizations.push(request.headers.authorization);
    const count = parsed(bodies.at(-1)!).length;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ itemsReceived: count, itemsAccepted: count, errors: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), "cairn-ingestion-"));
  const trusted = join(folder, "certificates.pem");
  const others = process.env.NODE_EXTRA_CA_CERTS;
  writeFileSync(trusted, `${others ? readFileSync(others, "utf8") : ""}${certificate}`);
  return {
    certificate,
    env: {
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=00000000-1111-4222-8333-444444444444;IngestionEndpoint=https://127.0.0.1:${port}/`,
      NODE_EXTRA_CA_CERTS: trusted,
    },
    envelopes: (baseType) =>
      bodies.flatMap(parsed).filter(({ data }) => baseType === undefined || data.baseType === baseType),
    text: () => bodies.join("\n"),
    authorizations,
    close() {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true });
    },
  };
}

/** An array, or an object on each line. */
function parsed(body: string): Envelope[] {
  return body.startsWith("[") ? JSON.parse(body) : body.split("\n").map((line) => JSON.parse(line));
}

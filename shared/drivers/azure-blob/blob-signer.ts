import {
  BlobSASPermissions,
  type BlobServiceClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  type SASQueryParameters,
  StorageSharedKeyCredential,
  type UserDelegationKey,
} from "@azure/storage-blob";
import { attachment, basename } from "../../content-disposition.ts";
import type { Clock } from "../../stores/clock.ts";
import { InvalidArgument } from "../../stores/errors.ts";
import { READ, type Retries } from "../common/retries.ts";
import { type AccountKey, isAccountKey, type StorageCredential } from "../common/storage-credential.ts";
import { split } from "./containers.ts";

const KEY_LIFETIME_MS = 6 * 60 * 60 * 1_000;
const CLOCK_SKEW_MS = 5 * 60 * 1_000;
/** A user delegation key lives for at most seven days. */
const MAX_EXPIRES_SECONDS = 6 * 24 * 60 * 60;
/** The least that the service has: who may write a block may write the whole blob. */
const PERMISSIONS = { read: "r", block: "w" };

/** Signs the right to read one blob, or to write blocks of it; the result is the query of its URL. */
export type SignBlob = (name: string, access: "read" | "block", expiresInSeconds: number) => Promise<string>;

/**
 * Signs with a user delegation key, or with the account's key where that is the credential. Over https the signature is good for https
 * alone.
 */
export function blobSigner(
  service: BlobServiceClient,
  credential: StorageCredential,
  clock: Clock,
  retry: Retries,
): SignBlob {
  const protocol = service.url.startsWith("https:") ? SASProtocol.Https : SASProtocol.HttpsAndHttp;
  const sign = isAccountKey(credential) ? accountKeySigner(credential) : delegationSigner(service, clock, retry);
  return async (name, access, expiresInSeconds) => {
    checkExpiry(expiresInSeconds);
    const { container, path } = split(name);
    const expiresOn = new Date(clock.now() + expiresInSeconds * 1_000);
    const permissions = BlobSASPermissions.parse(PERMISSIONS[access]);
    // A browser that opens the URL gets a file to keep, whatever type its uploader gave it.
    const contentDisposition = access === "read" ? attachment(basename(path)) : undefined;
    const values = { containerName: container, blobName: path, permissions, expiresOn, protocol, contentDisposition };
    const parameters = await sign(values);
    return parameters.toString();
  };
}

type Sign = (
  values: Parameters<typeof generateBlobSASQueryParameters>[0] & { expiresOn: Date },
) => Promise<SASQueryParameters>;

function accountKeySigner({ accountName, accountKey }: AccountKey): Sign {
  const key = new StorageSharedKeyCredential(accountName, accountKey);
  return async (values) => generateBlobSASQueryParameters(values, key);
}

function delegationSigner(service: BlobServiceClient, clock: Clock, retry: Retries): Sign {
  const keyUntil = delegationKeys(service, clock, retry);
  return async (values) => {
    const key = await keyUntil(values.expiresOn.getTime());
    return generateBlobSASQueryParameters(values, key, service.accountName);
  };
}

/** Gives a key that lives at least until a time, the same one to all while it does. Callers that need a new one share the request. */
function delegationKeys(
  service: BlobServiceClient,
  clock: Clock,
  retry: Retries,
): (untilMs: number) => Promise<UserDelegationKey> {
  let current: { endsMs: number; key: Promise<UserDelegationKey> } | undefined;
  return (untilMs) => {
    if (current !== undefined && untilMs <= current.endsMs) return current.key;
    const nowMs = clock.now();
    const endsMs = Math.max(nowMs + KEY_LIFETIME_MS, untilMs + CLOCK_SKEW_MS);
    const requested = {
      endsMs,
      key: retry(READ, "sign a URL", ({ signal }) =>
        service.getUserDelegationKey(new Date(nowMs - CLOCK_SKEW_MS), new Date(endsMs), { abortSignal: signal }),
      ),
    };
    current = requested;
    requested.key.catch(() => {
      if (current === requested) current = undefined;
    });
    return requested.key;
  };
}

function checkExpiry(expiresInSeconds: number): void {
  if (!(expiresInSeconds > 0 && expiresInSeconds <= MAX_EXPIRES_SECONDS)) {
    throw new InvalidArgument(
      `expiresInSeconds: ${expiresInSeconds} must be above 0 and at most ${MAX_EXPIRES_SECONDS}.`,
    );
  }
}

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inParallel } from "../../parallel.ts";
import { StoreUnusable } from "../../stores/errors.ts";
import type { SecretStore } from "../../stores/secret-store.ts";
import { checkSecretName, checkSecretValue } from "../common/secret-rules.ts";
import { asStoreError } from "../sqlite/sqlite-errors.ts";
import { KEY_BYTES, makeKeyFile, UNFINISHED } from "./key-file.ts";

/** A secret, or the key that opens them, cannot be read: changed, cut off, or open to other users. Tells what to do. */
export class SecretsUnreadable extends StoreUnusable {}

const CIPHER = "aes-256-gcm";
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

interface SecretFilesOptions {
  /** One file for each secret; made where it does not exist. One process at a time works on it. */
  readonly folder: string;
  /** 32 random bytes that only this user may read; made with the first secret. */
  readonly keyFile: string;
  /** Whether an acknowledged secret is on the disk; else it survives the process. */
  readonly durable: boolean;
}

/**
 * Secrets in files, each encrypted with AES-256-GCM under a random nonce and bound to its name, so that files cannot be swapped. A file is
 * written beside the old one and takes its place when it is whole and on the disk: a loss of power leaves one of the two.
 */
export class SecretFiles implements SecretStore {
  readonly #folder: string;
  readonly #keyFile: string;
  readonly #durable: boolean;
  /** Files that are being written. */
  readonly #underWay = new Set<string>();
  #key: Buffer | undefined;

  constructor({ folder, keyFile, durable }: SecretFilesOptions) {
    this.#folder = folder;
    this.#keyFile = keyFile;
    this.#durable = durable;
  }

  async set(name: string, value: string): Promise<void> {
    checkSecretName(name);
    checkSecretValue(value);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      await this.#makeKey();
      await this.#replace(name, this.#seal(name, value));
    } catch (error) {
      throw asStoreError(error);
    }
  }

  async get(name: string): Promise<string | undefined> {
    checkSecretName(name);
    const sealed = await whereThere(readFile(this.#file(name)));
    return sealed && this.#unseal(name, sealed);
  }

  async remove(name: string): Promise<void> {
    checkSecretName(name);
    await rm(this.#file(name), { force: true });
    if (this.#durable) await whereThere(syncFolder(this.#folder));
  }

  async names(prefix: string): Promise<string[]> {
    const files = (await whereThere(readdir(this.#folder))) ?? [];
    // A dot is in no name: what a killed process left unfinished is none.
    return files.filter((name) => name.startsWith(prefix) && !name.includes(".")).sort();
  }

  /** Removes what killed processes left unfinished. */
  async sweep(): Promise<void> {
    const files = (await whereThere(readdir(this.#folder))) ?? [];
    const left = files.filter((name) => name.endsWith(UNFINISHED) && !this.#underWay.has(name));
    await inParallel(left, (name) => rm(join(this.#folder, name), { force: true }));
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  async #replace(name: string, bytes: Buffer): Promise<void> {
    const unfinished = `${name}.${randomBytes(6).toString("hex")}${UNFINISHED}`;
    const path = join(this.#folder, unfinished);
    this.#underWay.add(unfinished);
    try {
      await writeSynced(path, bytes);
      await rename(path, this.#file(name));
      if (this.#durable) await syncFolder(this.#folder);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      this.#underWay.delete(unfinished);
    }
  }

  #seal(name: string, value: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#openKey(), nonce).setAAD(Buffer.from(name));
    const text = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
    return Buffer.concat([Buffer.from([FORMAT]), nonce, cipher.getAuthTag(), text]);
  }

  #unseal(name: string, sealed: Buffer): string {
    const damaged = (cause?: unknown) =>
      new SecretsUnreadable(`The secret ${name} cannot be read: ${this.#file(name)} or ${this.#keyFile} was changed.`, {
        cause,
      });
    if (sealed.length <= HEADER_BYTES || sealed[0] !== FORMAT) throw damaged();
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    try {
      const decipher = createDecipheriv(CIPHER, this.#openKey(), nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]).toString();
    } catch (error) {
      throw error instanceof SecretsUnreadable ? error : damaged(error);
    }
  }

  #openKey(): Buffer {
    this.#key ??= readKey(this.#keyFile);
    return this.#key;
  }

  /** A lost key is not replaced unseen while there are secrets under it. */
  async #makeKey(): Promise<void> {
    if (this.#key || existsSync(this.#keyFile) || readdirSync(this.#folder).length > 0) return;
    makeKeyFile(this.#keyFile);
    await syncFolder(dirname(this.#keyFile));
  }
}

function readKey(file: string): Buffer {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) throw new SecretsUnreadable(`The key of the secrets, ${file}, is gone.`);
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    throw new SecretsUnreadable(
      `Other users may read ${file}, the key of the secrets. Take that away: chmod 600 ${file}. Where that has no effect, the file system ` +
        "keeps no permissions, as a Windows drive within WSL or a network share: choose a data folder elsewhere (--data).",
    );
  }
  const key = readFileSync(file);
  if (key.length !== KEY_BYTES) throw new SecretsUnreadable(`${file} is no key of ${KEY_BYTES} bytes.`);
  return key;
}

async function writeSynced(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

async function whereThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

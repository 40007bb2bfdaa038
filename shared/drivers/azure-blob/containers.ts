import type { AppendBlobClient, BlobServiceClient, BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { refusalCode } from "../common/storage-errors.ts";

/** Finds the clients of blobs by their names, and makes containers that are not there, where that is allowed. */
export class Containers {
  readonly #service: BlobServiceClient;
  readonly #mayCreate: boolean;
  readonly #clients = new Map<string, ContainerClient>();
  readonly #created = new Set<string>();

  constructor(service: BlobServiceClient, mayCreate: boolean) {
    this.#service = service;
    this.#mayCreate = mayCreate;
  }

  /** @param name a valid `<container>/<path>` */
  blob(name: string): BlockBlobClient {
    const { container, path } = split(name);
    return this.container(container).getBlockBlobClient(path);
  }

  /** @param name a valid `<container>/<path>` */
  appendBlob(name: string): AppendBlobClient {
    const { container, path } = split(name);
    return this.container(container).getAppendBlobClient(path);
  }

  container(name: string): ContainerClient {
    const known = this.#clients.get(name) ?? this.#service.getContainerClient(name);
    this.#clients.set(name, known);
    return known;
  }

  /** Does `write`, and does it again after making the container when that turns out to be missing. */
  async forWrite<T>(name: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!this.#mayCreate || refusalCode(error) !== "ContainerNotFound") throw error;
      await this.#create(split(name).container);
      return write();
    }
  }

  /** Makes the container, where that is allowed, for somebody else's write. */
  async prepare(name: string): Promise<void> {
    const { container } = split(name);
    if (this.#mayCreate && !this.#created.has(container)) await this.#create(container);
  }

  async #create(container: string): Promise<void> {
    await this.container(container).createIfNotExists();
    this.#created.add(container);
  }
}

/** @param name begins with `<container>/` */
export function split(name: string): { container: string; path: string } {
  const slash = name.indexOf("/");
  return { container: name.slice(0, slash), path: name.slice(slash + 1) };
}

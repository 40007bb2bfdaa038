import type { ByteStream } from "../stores/blob-store.ts";

/** The body of a request, to be read once. */
export interface RequestBody extends ByteStream {
  /**
   * Hands over each chunk as it comes, until `take` wants no more. Absent where iterating costs no more.
   * @throws what iterating would
   */
  pushTo?(take: (chunk: Uint8Array) => boolean): Promise<void>;
}

/**
 * What a handler may use of a request. Both the Functions library's `HttpRequest` and the local host's light request have these members.
 * Route values are never taken from here: areas match `url` themselves (in stream mode the runtime mixes body members into `params`).
 */
export interface AppRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** Null when there is none. */
  readonly body: RequestBody | null;
  /** Of whoever is connected, where the runtime tells. */
  readonly address?: string;
}

/** What a handler answers; a subset of the Functions library's `HttpResponseInit`. */
export interface AppResponse {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array | ByteStream;
}

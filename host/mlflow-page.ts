import { createReadStream, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import mime from "mime/lite";
import { StartError } from "./errors.ts";
import type { Intercept } from "./http.ts";

/** The page of a workspace lies at its address: for the default one that is the root. */
const ADDRESS = /^(?:\/w\/[a-z0-9-]+)?(?:\/|\/static-files\/(?<file>[^?]*))(?:\?.*)?$/;
const WITHOUT_SLASH = /^(?<page>\/w\/[a-z0-9-]+)(?:\?.*)?$/;
const CHALLENGE = 'Basic realm="cairn", charset="UTF-8"';

/**
 * Serves the page that comes with MLflow, at the address of each workspace, and its files below `static-files/`.
 * @param folder `mlflow/server/js/build` of an installed mlflow
 * @param authenticated callers need credentials: a browser is told to ask for them, so that it sends them with what the page calls
 * @throws StartError when that is not in the folder
 */
export function serveMlflowPage(folder: string, authenticated: boolean): Intercept {
  const root = resolve(folder);
  if (sizeOf(join(root, "index.html")) === undefined) {
    throw new StartError(
      `--mlflow-page must name the folder mlflow/server/js/build of an installed mlflow, which has an index.html; ${root} has none.`,
    );
  }
  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    const url = request.url ?? "";
    const workspace = WITHOUT_SLASH.exec(url)?.groups?.page;
    if (workspace) return redirect(response, `${workspace}/`);
    const match = ADDRESS.exec(url);
    if (!match) return false;
    const file = match.groups?.file;
    if (file !== undefined) return serve(root, file, request, response);
    if (authenticated && !request.headers.authorization) return challenge(response);
    return serve(root, "index.html", request, response);
  };
}

async function redirect(response: ServerResponse, location: string): Promise<true> {
  response.writeHead(308, { location, "content-length": "0" }).end();
  return true;
}

async function challenge(response: ServerResponse): Promise<true> {
  const text = "Sign in with any name and a key of this workspace as the password.\n";
  response.writeHead(401, { "www-authenticate": CHALLENGE, "content-type": "text/plain; charset=utf-8" }).end(text);
  return true;
}

async function serve(root: string, file: string, request: IncomingMessage, response: ServerResponse): Promise<true> {
  const path = pathWithin(root, file);
  const size = path && sizeOf(path);
  if (!path || size === undefined) {
    response.writeHead(404, { "content-length": "0" }).end();
    return true;
  }
  response.writeHead(200, {
    "content-type": typeOf(path),
    "content-length": String(size),
    // Names below static/ carry a hash of what is in them.
    "cache-control": file.startsWith("static/") ? "public, max-age=31536000, immutable" : "no-cache",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
  });
  if (request.method === "HEAD") response.end();
  // Who leaves in the middle of a file is no fault.
  else await pipeline(createReadStream(path), response).catch(() => response.destroy());
  return true;
}

function typeOf(path: string): string {
  if (path.endsWith(".ico")) return "image/x-icon";
  return mime.getType(path) ?? "application/octet-stream";
}

/** Undefined for what is no ordinary path below the folder. */
function pathWithin(root: string, file: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(file);
  } catch {
    return undefined;
  }
  const isOrdinary =
    /^[\w.@ -]+(?:\/[\w.@ -]+)*$/.test(decoded) && !decoded.split("/").some((part) => /^\.+$/.test(part));
  return isOrdinary ? join(root, decoded) : undefined;
}

/** Undefined when it is no file. */
function sizeOf(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : undefined;
}

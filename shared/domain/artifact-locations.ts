import { invalid } from "./errors.ts";
import { decodeFully } from "./percent.ts";
import { cut, LIMITS, normalPath, requireLength } from "./validation.ts";

/** Schemes that make whoever follows them connect to the host they name; MLflow's server takes none of them (store/artifact/host_policy.py). */
const HOST_SCHEMES: ReadonlySet<string> = new Set(["http", "https", "ftp", "sftp", "hdfs", "viewfs"]);

/** In lower case; "" where there is none. */
export function schemeOf(uri: string): string {
  return /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase() ?? "";
}

/**
 * The absolute path that an address on a file system names: `/mnt/x`, `file:///mnt/x`. The service never goes there; clients that share a file
 * system do. Undefined for addresses elsewhere, and for paths that depend on where somebody stands.
 */
export function localPathOf(uri: string): string | undefined {
  if (uri.startsWith("/")) return normalPath(uri);
  const path = /^file:(?:\/\/(?:localhost)?)?(\/(?!\/).*)$/i.exec(uri)?.[1];
  return path && normalPath(decodeFully(path));
}

/** @throws InvalidParameter where an address names a host */
export function requireNoHost(field: string, uri: string): void {
  const scheme = schemeOf(uri);
  if (!HOST_SCHEMES.has(scheme)) return;
  throw invalid(
    `'${field}' cannot use the '${scheme}' scheme: it names a host to connect to. Accepted are the addresses of cloud storage, of ` +
      "mlflow-artifacts:/ and of a file system.",
  );
}

/**
 * A place for artifacts: our own (`mlflow-artifacts:`), a cloud URI, or an absolute path of a file system, which clients reach by themselves.
 * @throws InvalidParameter
 */
export function requireArtifactLocation(location: string): void {
  requireLength("artifact_location", location, LIMITS.artifactLocation);
  if (location.startsWith("runs:")) {
    throw invalid(`Artifact location cannot be a runs:/ URI. Given: '${cut(location)}'`);
  }
  requireNoHost("artifact_location", location);
  const scheme = schemeOf(location);
  const decoded = decodeFully(location);
  const isOnNoFileSystem = (scheme === "" || scheme === "file") && (localPathOf(location) ?? "/") === "/";
  const bad =
    isOnNoFileSystem ||
    /^mlflow-artifacts:\/\/[^/]/i.test(location) ||
    /[#;?\0\\]/.test(decoded) ||
    decoded.split("/").includes("..");
  if (bad) {
    throw invalid(
      `Invalid artifact location: '${cut(location)}'. Accepted are mlflow-artifacts:/, cloud storage URIs and absolute paths (/mnt/x, ` +
        "file:///mnt/x), without query, parameters, fragment or '..'.",
    );
  }
}

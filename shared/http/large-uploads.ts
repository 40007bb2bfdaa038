/** The variables by which MLflow's clients send large files in parts, past the host and its limit. */
export const UPLOAD_VARIABLES = {
  MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: "true",
  MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE: String(50 * 1024 * 1024),
};

/** Why a body of this length is refused, and what its sender can do. */
export function tooLargeForHost(bytes: number, limitBytes: number): string {
  const set = Object.entries(UPLOAD_VARIABLES).map(([name, value]) => `${name}=${value}`);
  return (
    `The body has ${bytes} bytes; a request has at most ${limitBytes} here. MLflow's clients send larger files in parts when they ` +
    `are started with ${set.join(" ")}.`
  );
}

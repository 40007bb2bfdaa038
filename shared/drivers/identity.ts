import type { TokenCredential } from "@azure/core-auth";

/** The identity that the app runs as; on a developer's machine the one signed in with Azure's tools. */
export async function identity(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import("@azure/identity");
  return new DefaultAzureCredential();
}

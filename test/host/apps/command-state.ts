import type { LocalServices } from "../../../host/command.ts";

export const state: { services?: LocalServices; handled: unknown[] } = { handled: [] };
